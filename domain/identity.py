"""Who might be the same person: addresses reduced to what tells people apart."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

import phonenumbers
from disposable_email_domains import blocklist

from domain.customers import Address
from domain.ids import digest

_IGNORE_DOTS = {"gmail.com", "googlemail.com"}
_SAME_DOMAIN = {"googlemail.com": "gmail.com"}
_NO_WORD = re.compile(r"[\W_]+")


class Marks(NamedTuple):
    """Hashes of a person's e-mail, phone and postal address, for looking up others with the
    same. None: not known, or too little to tell people apart."""

    email: str | None = None
    phone: str | None = None
    address: str | None = None


def marks_of(email: str | None, phone: str | None, address: Address | None) -> Marks:
    """The marks of these particulars."""
    country = address.country if address else None
    return Marks(
        _mark("email", same_mailbox(email) if email else None),
        _mark("phone", same_phone(phone, country) if phone else None),
        _mark("address", same_address(address) if address else None),
    )


def same_mailbox(email: str) -> str:
    """The address without case, without a `+tag`, and without dots where the provider ignores
    them."""
    local, _, domain = email.casefold().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _IGNORE_DOTS:
        local = local.replace(".", "")
    return f"{local}@{_SAME_DOMAIN.get(domain, domain)}"


def same_phone(phone: str, country: str | None) -> str | None:
    """The number in E.164, read as one of `country` (two letters) when it names none itself;
    else its digits. None for fewer than six digits."""
    region = country.upper() if country and len(country) == 2 else None
    try:
        parsed = phonenumbers.parse(phone, region)
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        digits = "".join(character for character in phone if character.isdigit())
        return digits if len(digits) >= 6 else None


def same_address(address: Address) -> str | None:
    """Street, postal code and country without case, accents, spaces and punctuation. None
    without a street and a postal code or city: whole cities are no household."""
    place = address.postal_code or address.city
    if not (address.line_1 and place):
        return None
    parts = (address.line_1, address.line_2, place, address.country)
    return "|".join(_plain(part or "") for part in parts)


def is_disposable(email: str) -> bool:
    """Whether the address belongs to a provider of throw-away mailboxes, or to one of its
    subdomains."""
    labels = email.casefold().rpartition("@")[2].split(".")
    return any(".".join(labels[i:]) in blocklist for i in range(len(labels) - 1))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(one for one in decomposed if not unicodedata.combining(one))
    return _NO_WORD.sub("", bare)


def _mark(kind: str, value: str | None) -> str | None:
    return digest(kind, value) if value else None
