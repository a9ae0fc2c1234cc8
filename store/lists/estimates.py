"""Estimates how many rows a SELECT finds, from the statistics of PostgreSQL's planner. No row of a
table is read.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Select, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, Executable

from store.database import ReadSession


class _Explain(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, statement: ClauseElement) -> None:
        self.statement = statement


@compiles(_Explain)
def _explain(element: _Explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **options)}"


async def estimated_rows(session: ReadSession, statement: Select[*tuple[Any, ...]]) -> int:
    """For one statement."""
    return _rows(await session.scalar(_Explain(statement)))


async def estimates(
    session: ReadSession, statements: list[tuple[str, dict[str, Any]]]
) -> list[int]:
    """For several SQL statements, each with its parameters."""
    found = []
    for sql, parameters in statements:
        plan = await session.scalar(text(f"EXPLAIN (FORMAT JSON) {sql}"), parameters)
        found.append(_rows(plan))
    return found


def _rows(plan: Any) -> int:
    read = json.loads(plan) if isinstance(plan, str) else plan
    return int(read[0]["Plan"]["Plan Rows"])
