"""Records what an old version leaves behind, for the upgrade test to bring up on today's code.

Run it with the checkout and the environment of the version to record:

    cd CHECKOUT && PYTHONPATH=$PWD .venv/bin/python tests/upgrade/record.py FOLDER

It plays `story.py` on the embedded stack, ends the stack, and writes into FOLDER: a dump of
PostgreSQL, Temporal's own file, the simulator's state (the provider's book), the stack's secrets,
and who is who. Nothing in it but what the version's own commands and API offer, so that the same
script records later versions. A recorded folder is never changed; add one."""

from __future__ import annotations

import json
import lzma
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

from cli.stack import postgres
from cli.stack.ports import Ports
from cli.stack.stack import Stack
from tests.upgrade.story import Story


def record(folder: Path) -> None:
    """Play the story on a new stack and keep what it leaves behind."""
    folder.mkdir(parents=True)
    home = Path(tempfile.mkdtemp(prefix="guerdon-recording-"))
    try:
        with Stack(home, Ports.free(), say=print) as stack:
            story = Story(stack)
            story.before_the_stop()
            # Everything below is accepted by the API alone, and waits for whoever comes next.
            stack.stop("worker")
            story.without_workers()
            stack.stop("temporal")
            story.without_temporal()
            stack.stop("api")
            _write(folder / "database.sql.xz", _dump(stack.urls.database))
        for file in (home / "temporal.db", home / "simulator" / "simulator.sqlite3"):
            _write(folder / f"{file.name}.xz", _small(file))
        shutil.copy(home / "secrets.json", folder)
        (folder / "story.json").write_text(json.dumps(story.told, indent=1) + "\n")
    finally:
        shutil.rmtree(home)


def _dump(url: str) -> bytes:
    """Plain SQL. Made under a fixed key, so that two dumps of one state are alike."""
    program = str(Path(postgres._binary("pg_dump")))
    options = ("--no-owner", "--no-privileges", "--restrict-key=recorded")
    return subprocess.run([program, *options, url], stdout=subprocess.PIPE, check=True).stdout


def _small(file: Path) -> bytes:
    """An SQLite file with its log written back and its gaps closed."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("VACUUM")
    connection.close()
    return file.read_bytes()


def _write(file: Path, content: bytes) -> None:
    file.write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))
    sys.stdout.write(f"{file.name}: {len(content):,} bytes, {file.stat().st_size:,} compressed\n")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
