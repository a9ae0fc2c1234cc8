"""Finds secrets ("needles") in a text in one pass, however many there are.

A needle is found by four consecutive letters that are rare in other texts: the last ones of a
token, those around the @ of an e-mail. The text is searched in steps of four letters; any seven
letters of a needle contain one whole step."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import compress, count
from urllib.parse import quote

SHORTEST = 7
"""Minimum length of a needle: shorter ones would match by chance."""
_STEP = 4
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


class Needles:
    """The values to find, by kind, ignoring case; also in the form used in URLs."""

    def __init__(self, kinds: Mapping[str, Iterable[str]]) -> None:
        long = [(n, kind) for kind, needles in kinds.items() for n in needles if len(n) >= SHORTEST]
        self.number = len({needle for needle, _ in long})
        self.kinds = {form: kind for needle, kind in long for form in _forms(needle)}
        self._steps: dict[int, list[tuple[str, bytes, int]]] = {}
        for needle in self.kinds:
            self._add(needle)

    def found_in(self, text: str) -> set[str]:
        """The needles that the text contains."""
        return {needle for _, needle in self._places(_plain(text))}

    def lines(self, text: str) -> Iterator[tuple[int, str]]:
        """The number of each line with a needle, and the needle."""
        whole = _plain(text)
        for at, needle in self._places(whole):
            yield whole.count(b"\n", 0, at) + 1, needle

    def blotted(self, text: str) -> str:
        """The text with its needles removed, for printing."""
        for needle in self.found_in(text):
            text = re.sub(re.escape(needle), "…", text, flags=re.IGNORECASE)
        return text

    def _places(self, whole: bytes) -> Iterator[tuple[int, str]]:
        """The start of each match."""
        steps = memoryview(whole + bytes(-len(whole) % _STEP)).cast("I")
        # All in C: a Python loop over each step would take several times as long.
        for number in compress(count(), map(self._steps.__contains__, steps)):
            yield from self._beginning(whole, number * _STEP, self._steps[steps[number]])

    @staticmethod
    def _beginning(
        whole: bytes, at: int, candidates: list[tuple[str, bytes, int]]
    ) -> Iterator[tuple[int, str]]:
        for needle, letters, offset in candidates:
            if at >= offset and whole.startswith(letters, at - offset):
                yield at - offset, needle

    def _add(self, needle: str) -> None:
        letters = needle.encode()
        first = _rarest(letters)
        for offset in range(first, first + _STEP):
            step = int.from_bytes(letters[offset : offset + _STEP], sys.byteorder)
            self._steps.setdefault(step, []).append((needle, letters, offset))


def _forms(needle: str) -> set[str]:
    return {needle.lower(), quote(needle, safe="").lower()}


def _rarest(letters: bytes) -> int:
    """The start of the seven letters that are searched for first."""
    last = len(letters) - SHORTEST
    at = max(letters.find(b"@"), letters.find(b"%40"))
    return last if at < 0 else min(max(at - _STEP + 1, 0), last)


def _plain(text: str) -> bytes:
    """In lower case, without JSON's escapes; line ends stay where they are."""
    if "\\u" in text:
        text = _ESCAPE.sub(lambda found: _letter(int(found[1], 16)) or found[0], text)
    return text.lower().encode(errors="replace")


def _letter(number: int) -> str:
    return chr(number) if number >= ord(" ") and not 0xD800 <= number < 0xE000 else ""
