"""Estimates how many rows a SELECT finds, from the statistics of PostgreSQL's planner. No row of a
table is read."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Select, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, Executable

from store.database import ReadSession

_NO_LIMIT = 10**12


class _Explain(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, statement: ClauseElement) -> None:
        self.statement = statement


@compiles(_Explain)
def _explain(element: _Explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"


async def estimated_rows(session: ReadSession, statement: Select[*tuple[Any, ...]]) -> int:
    """The estimate for one statement."""
    return _rows(await session.scalar(_Explain(statement)))


async def estimates(
    session: ReadSession, statements: list[str], parameters: dict[str, Any]
) -> list[int]:
    """The estimates for several SQL statements, planned together."""
    # A limit keeps each a whole of its own: no workers share it, whose rows would be counted apart.
    # The first is asked twice, so that there are always parts.
    parts = [f"({statement} LIMIT {_NO_LIMIT})" for statement in statements]
    together = " UNION ALL ".join([*parts, f"({statements[0]} LIMIT {_NO_LIMIT})"])
    plan = await session.scalar(text(f"EXPLAIN (FORMAT JSON) {together}"), parameters)
    return [int(part["Plan Rows"]) for part in _read(plan)["Plans"]][: len(statements)]


def _rows(plan: Any) -> int:
    return int(_read(plan)["Plan Rows"])


def _read(plan: Any) -> dict[str, Any]:
    read = json.loads(plan) if isinstance(plan, str) else plan
    found: dict[str, Any] = read[0]["Plan"]
    return found
