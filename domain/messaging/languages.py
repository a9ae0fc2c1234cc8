"""A person's language, and which of a template's languages they get."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

_TAG = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
_MEMBERS = ("lang", "language", "locale")
"""Members of metadata that name a language. `lang` is the one of Voucherify's examples."""


def _tag(value: str) -> str:
    if not _TAG.fullmatch(value):
        raise ValueError("must be a language tag such as en or de-AT")
    return normalised(value)


Language = Annotated[str, AfterValidator(_tag)]
"""A BCP 47 tag: `en`, `de-AT`, `zh-Hant`."""


def normalised(tag: str) -> str:
    """`de_at` and `DE-AT` are `de-AT`."""
    first, *rest = tag.replace("_", "-").split("-")
    return "-".join([first.lower(), *map(_subtag, rest)])


def _subtag(part: str) -> str:
    if len(part) == 2:
        return part.upper()
    return part.title() if len(part) == 4 and part.isalpha() else part.lower()


def language_of(metadata: Mapping[str, Any]) -> str | None:
    """The language that a customer's metadata name, if any."""
    for name in _MEMBERS:
        value = metadata.get(name)
        if isinstance(value, str) and _TAG.fullmatch(value.strip()):
            return normalised(value.strip())
    return None


def choose(wanted: str | None, offered: Collection[str], default: str) -> str:
    """The wanted language, else the same without its region, else `default`."""
    tag = wanted
    while tag:
        if tag in offered:
            return tag
        tag = tag.rpartition("-")[0]
    return default
