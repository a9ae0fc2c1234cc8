"""Counts rows while a file's blocks pass."""

from __future__ import annotations


class Rows:
    """Rows below the header so far. A line break inside quotes does not end a row."""

    def __init__(self) -> None:
        self._lines = 0
        self._quoted = False

    @property
    def seen(self) -> int:
        return max(0, self._lines - 1)

    def take(self, block: bytes) -> None:
        pieces = block.split(b'"')
        outside = pieces[1::2] if self._quoted else pieces[::2]
        self._lines += sum(piece.count(b"\n") for piece in outside)
        # Each quote toggles it, a doubled one twice.
        self._quoted ^= len(pieces) % 2 == 0
