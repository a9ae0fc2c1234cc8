"""Full-text search by word prefixes, with PostgreSQL's own index."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select, text

from store.database import ReadSession
from store.lists.estimates import estimates
from store.lists.pages import EXACT

_MOST = 8
"""Words per search; further ones are ignored."""
# The same splitting as the functions of migration 0027.
_SPLIT = "[^[:alnum:]]+"


class Hits(NamedTuple):
    """Ids of rows with all the words. None: too many to collect, about `estimate`."""

    ids: list[str] | None
    estimate: int


async def words_of(session: ReadSession, written: str) -> list[str]:
    """The words of a search text."""
    spaced = func.btrim(func.regexp_replace(written, _SPLIT, " ", "g"))
    words = await session.scalar(select(func.regexp_split_to_array(spaced, " ")))
    return [word for word in words or [] if word][:_MOST]


def query_of(words: list[str]) -> str:
    """For `to_tsquery`: each word as a prefix."""
    return " & ".join(f"{word}:*" for word in words)


async def hits(session: ReadSession, table: str, vector: str, words: list[str]) -> Hits:
    """Rows with all the words, in the table whose index is on `vector`.

    The index is only used for rare words: collecting all rows with a frequent word would take
    longer than checking the few with the rare one.
    """
    if not words:
        return Hits([], 0)
    found = f"SELECT id FROM {table} WHERE {vector} @@ to_tsquery('simple', :{{}})"
    each = [(found.format("word"), {"word": query_of([word])}) for word in words]
    expected = dict(zip(words, await estimates(session, each), strict=True))
    rare = [word for word in words if expected[word] <= EXACT]
    if not rare:
        return Hits(None, min(expected.values()))
    # The concatenation keeps the planner from using the index for this condition.
    beside = f" AND ({vector} || ''::tsvector) @@ to_tsquery('simple', :frequent)"
    frequent = [word for word in words if word not in rare]
    statement = found.format("rare") + (beside if frequent else "") + f" LIMIT {EXACT + 1}"
    asked = {"rare": query_of(rare)} | ({"frequent": query_of(frequent)} if frequent else {})
    ids = list(await session.scalars(text(statement), asked))
    return Hits(ids, len(ids)) if len(ids) <= EXACT else Hits(None, len(ids))
