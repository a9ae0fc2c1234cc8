"""`guerdon import …` and `guerdon export …` as a shell runs them."""

from __future__ import annotations

import csv
import os
import subprocess
from pathlib import Path
from typing import Any

from sqlalchemy import text

from store.database import Database
from tests.cli.dev_process import GUERDON
from tests.said.notes import NOTES, here

KEYS = "k1:" + "A" * 43 + "="


def write(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    """A CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def started(database_url: str, *arguments: str | Path) -> subprocess.Popen[str]:
    """The command, running."""
    settings = {"GUERDON_DATABASE_URL": database_url, "GUERDON_ENCRYPTION_KEYS": KEYS}
    return subprocess.Popen(
        [GUERDON, *map(str, arguments)],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(database_url: str, *arguments: str | Path) -> tuple[int, str, str]:
    """Its exit status, what it wrote, and what it said."""
    out, err = (process := started(database_url, *arguments)).communicate(timeout=120)
    said = err if arguments[0] == "export" else f"{out}\n{err}"
    NOTES.said("log", f"guerdon {arguments[0]} in {here()}", said)
    return process.returncode, out, err


async def scalar(database: Database, sql: str) -> Any:
    """One value of the database."""
    async with database.reading() as session:
        return await session.scalar(text(sql))
