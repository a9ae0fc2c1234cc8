"""The logic between a rule's conditions: `1 and (2 or 3)`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

_WORD = re.compile(r"\s*(?:(\d+)|(and|or)\b|([()]))", re.IGNORECASE)
_LONGEST = 1000
_DEEPEST = 32
"""Nesting depth of brackets."""


class Sentence(NamedTuple):
    """A parsed logic: `word` is "and" or "or" over `parts`; a single condition is its key in
    `word`."""

    word: str
    parts: tuple[Sentence, ...] = ()

    def keys(self) -> Iterator[str]:
        """The conditions that it names."""
        if not self.parts:
            yield self.word
        for part in self.parts:
            yield from part.keys()

    def holds(self, passed: Mapping[str, bool]) -> bool:
        """Whether it is true for these results."""
        if not self.parts:
            return passed[self.word]
        each = (part.holds(passed) for part in self.parts)
        return all(each) if self.word == "and" else any(each)


_Reader = Callable[[list[str], int], tuple[Sentence, int]]


def parse(text: str) -> Sentence:
    """Parse a text; `and` binds closer than `or`. Raises ValueError."""
    words = _words(text)
    sentence, end = _either(words, 0)
    if end != len(words):
        raise ValueError(f"logic: {words[end]!r} is not expected here")
    return sentence


def _words(text: str) -> list[str]:
    if len(text) > _LONGEST:
        raise ValueError(f"logic: at most {_LONGEST} characters")
    words, at = [], 0
    while text[at:].strip():
        found = _WORD.match(text, at)
        if found is None:
            raise ValueError(f"logic: cannot read {text[at:].strip()!r}")
        words.append(found.group(0).strip().lower())
        at = found.end()
    _must_not_be_deep(words)
    return words


def _must_not_be_deep(words: list[str]) -> None:
    deep = 0
    for word in words:
        deep += (word == "(") - (word == ")")
        if deep > _DEEPEST:
            raise ValueError(f"logic: at most {_DEEPEST} brackets within each other")


def _either(words: list[str], at: int) -> tuple[Sentence, int]:
    return _joined("or", _both, words, at)


def _both(words: list[str], at: int) -> tuple[Sentence, int]:
    return _joined("and", _one, words, at)


def _joined(word: str, read: _Reader, words: list[str], at: int) -> tuple[Sentence, int]:
    part, at = read(words, at)
    parts = [part]
    while at < len(words) and words[at] == word:
        part, at = read(words, at + 1)
        parts.append(part)
    return (parts[0] if len(parts) == 1 else Sentence(word, tuple(parts))), at


def _one(words: list[str], at: int) -> tuple[Sentence, int]:
    if at >= len(words):
        raise ValueError("logic: ends too early")
    if words[at].isdigit():
        return Sentence(words[at]), at + 1
    if words[at] != "(":
        raise ValueError(f"logic: {words[at]!r} is not expected here")
    inner, at = _either(words, at + 1)
    if at >= len(words) or words[at] != ")":
        raise ValueError("logic: a bracket is not closed")
    return inner, at + 1
