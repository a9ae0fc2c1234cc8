"""Names of people, as they may stand in a message to somebody else.

A name is whatever its owner typed at sign-up. A mail program turns `www.evil.example` into a link,
so a name with an address in it would make Guerdon send advertisements to strangers."""

from __future__ import annotations

import re

_LONGEST = 60
_ADDRESS = re.compile(r"://|www\.|@|\b[\w-]+\.[a-z]{2,}\b", re.IGNORECASE)
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def shown_name(name: str | None) -> str | None:
    """The name on one line; None if there is none, or it contains an address."""
    plain = " ".join(_INVISIBLE.sub(" ", name or "").split())
    if not plain or _ADDRESS.search(plain):
        return None
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1].rstrip() + "…"


def first_name(name: str | None) -> str | None:
    """Its first word. `Doe, Jane` is read as it is sorted: Jane."""
    shown = shown_name(name)
    if shown is None:
        return None
    family, comma, given = shown.partition(", ")
    return (given if comma and given else family).split()[0]
