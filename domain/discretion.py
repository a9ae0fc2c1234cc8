"""What may be said again of what a caller said."""

from __future__ import annotations

import re
from typing import Any

_WORD = re.compile(r"""[^\s"'/\\,;:()<>\[\]{}=&?]+""")
_INSTEAD = "[e-mail]"


def unnamed(words: str) -> str:
    """The same without e-mails, whatever was taken for one: a refusal travels into logs and
    histories, of the caller's too. Ids of ours have no @, and a lone one is a word of its own."""
    if "@" not in words:
        return words
    return _WORD.sub(lambda word: _INSTEAD if "@" in word[0].strip("@") else word[0], words)


def unnamed_within(document: Any) -> Any:
    """The same for every word of a JSON document, member names too. Not for its text: there a
    control character is an escape, which must stay whole."""
    match document:
        case str():
            return unnamed(document)
        case list():
            return [unnamed_within(each) for each in document]
        case dict():
            return {unnamed(name): unnamed_within(each) for name, each in document.items()}
    return document
