"""Full-text search by word prefixes, with PostgreSQL's own index."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqlalchemy import text

from store.database import ReadSession
from store.lists.estimates import estimates
from store.lists.pages import EXACT

_MOST = 8
"""Words per search; further ones are ignored."""
# The same splitting as the functions of migration 0027: letters and digits are words.
_WORD = re.compile(r"[^\W_]+")


class Indexed(NamedTuple):
    """A table, and the expression that its index of words is on."""

    table: str
    vector: str


class Hits(NamedTuple):
    """Ids of rows with all the words. None: too many to collect, about `estimate`."""

    ids: list[str] | None
    estimate: int


def words_of(written: str) -> list[str]:
    """The words of a search text."""
    return list(dict.fromkeys(_WORD.findall(written)))[:_MOST]


def query_of(words: list[str]) -> str:
    """For `to_tsquery`: each word as a prefix."""
    return " & ".join(f"{word}:*" for word in words)


async def hits(session: ReadSession, places: list[Indexed], words: list[str]) -> list[Hits]:
    """The rows with all the words, in each of the tables. The index is only used for rare words: to
    collect all rows with a frequent word would take longer than to check the few with the rare
    one."""
    if not words:
        return [Hits([], 0) for _ in places]
    asked = {f"word_{number}": query_of([word]) for number, word in enumerate(words)}
    asked["together"] = query_of(words)
    each = [_having(place, name) for place in places for name in asked]
    rows = iter(await estimates(session, each, asked))
    return [
        await _hits(session, place, {word: next(rows) for word in words}, next(rows))
        for place in places
    ]


def _having(place: Indexed, parameter: str) -> str:
    query = f"to_tsquery('simple', :{parameter})"
    return f"SELECT id FROM {place.table} WHERE {place.vector} @@ {query}"


async def _hits(
    session: ReadSession, place: Indexed, expected: dict[str, int], together: int
) -> Hits:
    rare = [word for word, rows in expected.items() if rows <= EXACT]
    if not rare and together > EXACT:
        return Hits(None, together)
    # Words that are frequent alone and rare together: scanning the newest rows would take long.
    rare = rare or list(expected)
    asked = {"rare": query_of(rare)}
    statement = _having(place, "rare")
    if frequent := [word for word in expected if word not in rare]:
        # The concatenation keeps the planner from using the index for this condition.
        unindexed = f"({place.vector} || ''::tsvector)"
        statement += f" AND {unindexed} @@ to_tsquery('simple', :frequent)"
        asked["frequent"] = query_of(frequent)
    ids = list(await session.scalars(text(f"{statement} LIMIT {EXACT + 1}"), asked))
    return Hits(ids, len(ids)) if len(ids) <= EXACT else Hits(None, len(ids))
