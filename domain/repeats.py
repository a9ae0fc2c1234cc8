"""A repeat under a caller's own identity only replays the same content.

Only members that affect money or people are compared. Profile fields, times, an order's status and
other metadata differ between honest repeats."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel

from domain.money import Money
from domain.refusals import IdentityReused


class Kind(StrEnum):
    """What an identity names."""

    EVENT = "event"
    REDEMPTION = "redemption"
    REFUND = "refund"
    WALLET_USE = "wallet_use"
    WALLET_RETURN = "wallet_return"
    PUBLICATION = "publication"
    DEPOSIT = "deposit"
    """Handled by the ledger itself: the posting is its content."""


class Content(BaseModel):
    """The compared content of a request.

    People, codes and campaigns are given by our own ids, so that two spellings of one code are
    equal. Amounts in minor units."""

    event: str | None = None
    customer: str | None = None
    campaign: str | None = None
    codes: list[str] = []
    """The codes it was about. A repeat without a code is about the same ones."""
    referrers: list[str] = []
    """The same for who is rewarded."""
    order: list[str] = []
    """Keys of the order's ids (domain.purchases), hashed: they may name a person."""
    amount: int | None = None
    currency: str | None = None
    """An ISO 4217 code, or POINTS."""


class Difference(NamedTuple):
    """A member that a repeat gives differently, with both values in words."""

    pointer: str
    words: str


POINTERS: dict[Kind, dict[str, str]] = {
    Kind.EVENT: {
        "event": "/event",
        "customer": "/customer",
        "codes": "/referral/code",
        "referrers": "/referral/referrer_id",
        "order": "/order",
        "amount": "/order/amount",
        "currency": "/order/currency",
    },
    Kind.REDEMPTION: {
        "customer": "/customer",
        "codes": "/redeemables/0/id",
        "order": "/order",
        "amount": "/order/amount",
        "currency": "/order/currency",
    },
    Kind.REFUND: {"amount": "/amount", "currency": "/currency"},
    Kind.WALLET_USE: {"amount": "/amount", "currency": "/unit"},
    Kind.WALLET_RETURN: {"amount": "/amount"},
    Kind.DEPOSIT: {"amount": "/amount", "currency": "/currency"},
    Kind.PUBLICATION: {"customer": "/customer", "campaign": "/campaign/name", "codes": "/voucher"},
}
"""The compared members, and the place of each in the body."""


def trimmed(identity: str) -> str:
    """An identity as it is compared: without spaces around it."""
    return identity.strip()


def must_say_the_same(kind: Kind, identity: str, first: dict[str, Any], again: Content) -> None:
    """Raises IdentityReused if `again` differs from the stored first content."""
    found = differences(kind, first, again)
    if found:
        said = " ".join(f"{one.pointer}: {one.words}." for one in found)
        raise IdentityReused(
            f"{identity!r} was used with other content. {said} Send the same again, or this under "
            "an identity of its own.",
            differences=found,
        )


def differences(kind: Kind, first: dict[str, Any], again: Content) -> list[Difference]:
    """What a repeat gives differently. A member that was not stored with the first is not
    compared."""
    return [
        Difference(pointer, _words(member, first, again))
        for member, pointer in POINTERS[kind].items()
        if member in first and _differs(member, first[member], getattr(again, member))
    ]


def _differs(member: str, first: Any, again: Any) -> bool:
    if member == "order":
        return _other_order(first, again)
    if isinstance(again, list):
        return not set(again) <= set(first)
    return bool(first != again)


def _other_order(first: list[str], again: list[str]) -> bool:
    """Ids of one sort must agree; a repeat may leave one out, but not all of them."""
    before, now = _by_sort(first), _by_sort(again)
    shared = before.keys() & now.keys()
    if not shared:
        return bool(before or now)
    return any(not before[sort] & now[sort] for sort in shared)


def _by_sort(keys: list[str]) -> dict[str, set[str]]:
    ids: dict[str, set[str]] = {}
    for key in keys:
        sort, _, value = key.partition(":")
        ids.setdefault(sort, set()).add(value)
    return ids


def _words(member: str, first: dict[str, Any], again: Content) -> str:
    if member == "order":
        return f"first {'another' if first['order'] else 'none'}, now {_some(again.order)}"
    now = again.model_dump()
    return f"first {_value(member, first)}, now {_value(member, now)}"


def _some(order: list[str]) -> str:
    return "this one" if order else "none"


def _value(member: str, content: dict[str, Any]) -> str:
    value = content.get(member)
    if member == "amount" and value is not None:
        return _amount(value, content.get("currency"))
    if isinstance(value, list):
        return ", ".join(one.partition(":")[2] or one for one in value) or "none"
    return "none" if value is None else str(value)


def _amount(amount: int, currency: str | None) -> str:
    try:
        return str(Money(amount=amount, currency=currency or ""))
    except ValueError:
        return f"{amount} {currency or '(minor units)'}"
