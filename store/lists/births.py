"""Lists by id that are filtered by creation time.

Ids sort by creation time, so the list can begin or end at a moment instead of skipping rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped
from ulid import ULID

from store.lists.pages import Between, Key

_SLACK = timedelta(hours=1)
"""An id's time and the `created_at` beside it differ a little."""
_FIRST = datetime(1970, 1, 2, tzinfo=UTC)
_TIME = 10
"""Characters of a ULID that encode the time."""


def ids_born(
    id: Mapped[str] | ColumnElement[str], prefix: str, created: Between
) -> list[ColumnElement[bool]]:
    """The condition on `id` that follows from "created after a moment", to be used beside that
    condition. `prefix`: of the ids; empty if `id` has none."""
    if created.after is None:
        return []
    begins = f"{prefix}_" if prefix else ""
    moved = max(created.after, _FIRST + _SLACK) - _SLACK
    return [id > begins + str(ULID.from_datetime(moved)).lower()[:_TIME]]


def sorted_by(created_at: Mapped[Any], created: Between) -> dict[str, Key]:
    """The list's sort key, which lets it start at the requested moment."""
    return {} if created.before is None else {"created_at": created_at}
