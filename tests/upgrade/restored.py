"""Brings a recorded version's state up under today's code."""

from __future__ import annotations

import asyncio
import lzma
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

from cli.stack import postgres
from cli.stack.ports import Ports
from cli.stack.state import Secrets
from store.database import Database
from store.recovery.transaction_ids import catch_up

FILES = {
    "temporal.db.xz": "temporal.db",
    "simulator.sqlite3.xz": "simulator/simulator.sqlite3",
}


def restore(recorded: Path, home: Path) -> None:
    """Lay the home of a stack out as the old version left it. The next stack there migrates it."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(recorded / "secrets.json", home)
    for name, place in FILES.items():
        file = home / place
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(lzma.decompress((recorded / name).read_bytes()))
    password = Secrets.load(home).database_password
    _load(home, password, lzma.decompress((recorded / "database.sql.xz").read_bytes()))


def ordered(home: Path) -> set[str]:
    """The keys of the orders in the provider's book, before anything runs there."""
    with closing(sqlite3.connect(home / FILES["simulator.sqlite3.xz"])) as book:
        return {key for (key,) in book.execute("SELECT key FROM orders")}


def _load(home: Path, password: str, dump: bytes) -> None:
    """Make the cluster and run the dump, on a server that is gone afterwards."""
    postgres.create_cluster(home / "postgres", password)
    port = Ports.free().resolve().postgres
    server = postgres.child(home / "postgres", port, home / "loading.log")
    server.start()
    try:
        while not postgres.ready(port):
            assert server.running(), server.last_lines()
            time.sleep(0.02)
        url = postgres.database_url(port, password)
        program = postgres._binary("psql")
        options = ("-q", "-v", "ON_ERROR_STOP=1", "--single-transaction", "-o", "/dev/null")
        subprocess.run([program, *options, url], input=dump, check=True)
        # A new cluster counts its transactions anew; readers of the event log would miss facts.
        assert asyncio.run(_caught_up(url)) > 0
    finally:
        server.send(server.stop_signal)
        server.wait()


async def _caught_up(url: str) -> int:
    database = Database(url, pool=1)
    try:
        return await catch_up(database)
    finally:
        await database.dispose()
