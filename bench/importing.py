"""`python -m bench.importing --rows 1000000`: the customers' import beside PostgreSQL's own COPY.

One run, one server, the same rows: COPY into a table of the same columns and indexes, then
`guerdon import customers`, killed with -9 in the middle and started again.
"""

from __future__ import annotations

import asyncio
import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import psutil
import typer

from cli.stack.postgres import temporary
from store import migrate

_HEADER = ("Source_id", "Name", "Email", "Phone", "Address_line_1", "Address_City", "plan")
_GUERDON = str(Path(sys.executable).with_name("guerdon"))
_KEYS = "bench:" + "A" * 43 + "="


def main(
    rows: int = 1_000_000,
    kill: bool = True,
) -> None:
    """Measure, print, and fail when a row is lost or doubled."""
    with tempfile.TemporaryDirectory() as folder, temporary() as url:
        migrate.upgrade(url)
        file = _written(Path(folder) / "customers.csv", rows)
        copied = asyncio.run(_copy(url, rows))
        peak = _Peak()
        began = time.perf_counter()
        if kill:
            _killed_in_the_middle(file, url, rows, peak)
        status = _imported(file, url, peak)
        seconds = time.perf_counter() - began
        found, told = asyncio.run(_counted(url))
        print(f"rows            {rows}, {file.stat().st_size / 1e6:.0f} MB of CSV")
        print(f"COPY            {copied:.1f} s")
        print(
            f"import          {seconds:.1f} s{', with one kill -9 in the middle' if kill else ''}"
        )
        print(f"ratio           {seconds / copied:.1f}")
        print(f"peak memory     {peak.held / 1e6:.0f} MB")
        print(f"customers       {found}, told of as created {told}")
        if not (status == 0 and found == told == rows):
            raise SystemExit("a row was lost or doubled")


class _Peak:
    """The most memory that a watched process held, in bytes."""

    held = 0

    def watch(self, process: subprocess.Popen[bytes]) -> None:
        try:
            self.held = max(self.held, psutil.Process(process.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            return


def _written(path: Path, rows: int) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        writer.writerows(_row(number) for number in range(rows))
    return path


def _row(number: int) -> tuple[str, ...]:
    email = f"person.{number}@example{number % 50}.com"
    return (f"u{number}", f"Person {number}", email, f"+49{number}", "1 Main St", "Ulm", "pro")


async def _copy(url: str, rows: int) -> float:
    """Seconds that COPY takes for the same persons into a table like `customers`."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE TABLE copied (LIKE customers INCLUDING ALL)")
        columns = ("id", "source_id", "name", "email", "phone", "address", "attributes")
        await connection.execute("ALTER TABLE copied ALTER created_at SET DEFAULT now()")
        began = time.perf_counter()
        await connection.copy_records_to_table(
            "copied", records=(_record(number) for number in range(rows)), columns=columns
        )
        return time.perf_counter() - began
    finally:
        await connection.close()


def _record(number: int) -> tuple[str, ...]:
    source_id, name, email, phone, *_ = _row(number)
    address = '{"line_1": "1 Main St", "city": "Ulm"}'
    return (f"cust_{number:026}", source_id, name, email, phone, address, '{"plan": "pro"}')


def _started(file: Path, url: str) -> subprocess.Popen[bytes]:
    settings = {"GUERDON_DATABASE_URL": url, "GUERDON_ENCRYPTION_KEYS": _KEYS}
    return subprocess.Popen(
        [_GUERDON, "import", "customers", str(file)],
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _imported(file: Path, url: str, peak: _Peak) -> int:
    process = _started(file, url)
    while process.poll() is None:
        peak.watch(process)
        time.sleep(0.1)
    return process.returncode


def _killed_in_the_middle(file: Path, url: str, rows: int, peak: _Peak) -> None:
    process = _started(file, url)
    while process.poll() is None:
        peak.watch(process)
        if asyncio.run(_counted(url))[0] > rows // 2:
            process.send_signal(signal.SIGKILL)
            process.wait()
        time.sleep(0.5)


async def _counted(url: str) -> tuple[int, int]:
    connection = await asyncpg.connect(url)
    try:
        customers = await connection.fetchval("SELECT count(*) FROM customers")
        created = "SELECT count(*) FROM events WHERE type = 'customer.created'"
        return customers, await connection.fetchval(created)
    finally:
        await connection.close()


if __name__ == "__main__":
    typer.run(main)
