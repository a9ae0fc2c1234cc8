"""Waiting in turn: by code or referrer, so that one of them with much to do holds nobody up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


def _anybody(_: Hashable) -> bool:
    return True


class RoundRobin(Generic[Item]):
    """A line for each key, first come, first served; and the lines are served in turn."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, deque[Item]] = {}
        """In the order in which their turns come."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, key: Hashable) -> bool:
        return key in self._lines

    def keys(self) -> list[Hashable]:
        """Of the lines in which somebody waits, the next first."""
        return list(self._lines)

    def add(self, key: Hashable, item: Item) -> None:
        """Let it wait in its key's line."""
        self._lines.setdefault(key, deque()).append(item)
        self._count += 1

    def take(self, may: Callable[[Any], bool] = _anybody) -> tuple[Hashable, Item] | None:
        """Whose turn it is, among the keys that may now; None if nobody may."""
        key = next((key for key in self._lines if may(key)), None)
        if key is None:
            return None
        line = self._lines.pop(key)
        item = line.popleft()
        self._count -= 1
        if line:
            self._lines[key] = line  # behind all others
        return key, item
