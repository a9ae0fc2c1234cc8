"""Query parameters of Tremendous' lists: time bounds, offset and limit."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from simulator.provider import Answer, Incoming
from simulator.tremendous_order import refuse


def time_of(incoming: Incoming, name: str, default: float = 1e12) -> float:
    """A query time as Unix seconds; an upper one counts itself in."""
    text = incoming.query.get(name)
    if text is None:
        return default
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise refuse(400, f"{name} is not a time") from error
    seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return seconds + 0.001 if name.endswith("[lte]") else seconds


def page(
    incoming: Incoming, name: str, rows: list[Any], render: Callable[[Any], dict[str, Any]]
) -> Answer:
    """10 rows unless told otherwise, never more than 500."""
    try:
        offset = int(incoming.query.get("offset", "0"))
        limit = int(incoming.query.get("limit", "10"))
    except ValueError as error:
        raise refuse(400, "offset and limit are whole numbers") from error
    if offset < 0 or not 1 <= limit <= 500:
        raise refuse(400, "limit is 1 to 500")
    shown = [render(row) for row in rows[offset : offset + limit]]
    return Answer(200, {name: shown, "total_count": len(rows)})
