"""Lists by id that are narrowed to a time of creation: ids sort by time of birth, so the list
begins or ends at a moment instead of skipping rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped
from ulid import ULID

from store.lists.pages import Between, Key

_SLACK = timedelta(hours=1)
"""An id is drawn a little before or after the moment that is written beside it."""
_FIRST = datetime(1970, 1, 2, tzinfo=UTC)
_TIME = 10
"""Characters of a ULID that hold the time."""


def ids_born(
    id: Mapped[str] | ColumnElement[str], prefix: str, created: Between
) -> list[ColumnElement[bool]]:
    """What follows for `id` from the condition that it was created after a moment, to be asked
    beside that condition. `prefix`: of the ids; empty where `id` is without one."""
    if created.after is None:
        return []
    begins = f"{prefix}_" if prefix else ""
    moved = max(created.after, _FIRST + _SLACK) - _SLACK
    return [id > begins + str(ULID.from_datetime(moved)).lower()[:_TIME]]


def sorted_by(created_at: Mapped[Any], created: Between) -> dict[str, Key]:
    """The list's key, by which it begins at the moment before which all was created."""
    return {} if created.before is None else {"created_at": created_at}
