"""A queue that takes turns between keys (codes or referrers), so that a busy key does not delay the
others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


def _anybody(_: Hashable) -> bool:
    return True


class RoundRobin(Generic[Item]):
    """One line per key, first come first served; the lines are served in turn."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, deque[Item]] = {}
        """In the order of their turns."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: Hashable) -> bool:
        return key in self._lines

    def keys(self) -> list[Hashable]:
        """Keys of the non-empty lines, the next one first."""
        return list(self._lines)

    def add(self, key: Hashable, item: Item) -> None:
        """Add an item to its key's line."""
        self._lines.setdefault(key, deque()).append(item)
        self._count += 1

    def take(self, may: Callable[[Any], bool] = _anybody) -> tuple[Hashable, Item] | None:
        """The next item, among the keys for which `may` is true; None if there is none."""
        key = next((key for key in self._lines if may(key)), None)
        if key is None:
            return None
        line = self._lines.pop(key)
        item = line.popleft()
        self._count -= 1
        if line:
            self._lines[key] = line  # after all others
        return key, item
