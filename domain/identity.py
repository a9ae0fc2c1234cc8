"""Normalises e-mail, phone and address, to find accounts of the same person."""

from __future__ import annotations

import re
import unicodedata
from fnmatch import fnmatchcase
from typing import NamedTuple

import phonenumbers
from disposable_email_domains import blocklist

from domain.customers import Address
from domain.ids import digest

_IGNORE_DOTS = {"gmail.com", "googlemail.com"}
_SAME_DOMAIN = {"googlemail.com": "gmail.com"}
_NO_WORD = re.compile(r"[\W_]+")
_NO_NUMBER = re.compile(r"[^\d+*?]")


class Particular(NamedTuple):
    """One identifying value: `kind` is email, phone or address, `value` is normalised."""

    kind: str
    value: str

    @property
    def mark(self) -> str:
        """A hash of it, to look up others with the same value."""
        return digest(*self)


class Marks(NamedTuple):
    """Hashes of a person's e-mail, phone and postal address, to look up others with the same. None:
    not known, or too vague to identify anybody."""

    email: str | None = None
    phone: str | None = None
    address: str | None = None


def particulars_of(
    email: str | None, phone: str | None, address: Address | None
) -> list[Particular]:
    """The given values, as far as they identify a person."""
    country = address.country if address else None
    found = {
        "email": same_mailbox(email) if email else None,
        "phone": same_phone(phone, country) if phone else None,
        "address": same_address(address) if address else None,
    }
    return [Particular(kind, value) for kind, value in found.items() if value]


def marks_of(email: str | None, phone: str | None, address: Address | None) -> Marks:
    """The marks of these values."""
    return Marks(**{one.kind: one.mark for one in particulars_of(email, phone, address)})


def matches(particular: Particular, pattern: str) -> bool:
    """Whether it matches a pattern with `*` and `?`: an e-mail address if the pattern has an `@`, a
    phone number if it has no letter, else a postal address."""
    kind, value = particular
    if "@" in pattern:
        return kind == "email" and fnmatchcase(value, pattern.casefold())
    if not any(character.isalpha() for character in pattern):
        return kind == "phone" and fnmatchcase(value, _NO_NUMBER.sub("", pattern))
    words = "*".join(_plain(part) for part in pattern.split("*"))
    return kind == "address" and fnmatchcase(value.replace("|", ""), words)


def same_mailbox(email: str) -> str:
    """The address in lower case, without a `+tag`, and without dots where the provider ignores
    them."""
    local, _, domain = email.rpartition("@")
    # ß is a letter of its own in a domain, not ss (IDNA 2008).
    local, domain = local.casefold(), domain.lower()
    local = local.partition("+")[0] or local
    if domain in _IGNORE_DOTS:
        local = local.replace(".", "")
    return f"{local}@{_SAME_DOMAIN.get(domain, domain)}"


def same_phone(phone: str, country: str | None) -> str | None:
    """The number in E.164, read as one of `country` (two letters) if it has no country code; else
    its digits. None for fewer than six digits."""
    region = country.upper() if country and len(country) == 2 else None
    try:
        parsed = phonenumbers.parse(phone, region)
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        digits = "".join(character for character in phone if character.isdigit())
        return digits if len(digits) >= 6 else None


def same_address(address: Address) -> str | None:
    """Street, postal code and country without case, accents, spaces and punctuation. None without a
    street and a postal code or city, because a whole city is not one household."""
    place = address.postal_code or address.city
    if not (address.line_1 and place):
        return None
    parts = (address.line_1, address.line_2, place, address.country)
    return "|".join(_plain(part or "") for part in parts)


def is_disposable(email: str) -> bool:
    """Whether the address belongs to a provider of disposable mailboxes, or to one of its
    subdomains."""
    labels = email.lower().rpartition("@")[2].split(".")
    return any(".".join(labels[i:]) in blocklist for i in range(len(labels) - 1))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(one for one in decomposed if not unicodedata.combining(one))
    return _NO_WORD.sub("", bare)
