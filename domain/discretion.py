"""Removes personal data from texts of callers before they are logged or stored."""

from __future__ import annotations

import re
from typing import Any

_WORD = re.compile(r"""[^\s"'/\\,;:()<>\[\]{}=&?]+""")
_INSTEAD = "[e-mail]"


def unnamed(words: str) -> str:
    """The text without e-mail addresses: refusals are logged, also in the caller's systems. Our own
    ids contain no @."""
    if "@" not in words:
        return words
    return _WORD.sub(lambda word: _INSTEAD if "@" in word[0].strip("@") else word[0], words)


def unnamed_within(document: Any) -> Any:
    """The same for every string of a JSON document, member names too. Not applied to its text,
    where escaped control characters must stay whole."""
    match document:
        case str():
            return unnamed(document)
        case list():
            return [unnamed_within(each) for each in document]
        case dict():
            return {unnamed(name): unnamed_within(each) for name, each in document.items()}
    return document
