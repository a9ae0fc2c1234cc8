"""`python -m bench.speed.importing --rows 1000000`: the customers' import beside plain COPY.

One run, one server, the same rows: COPY into a table of the same columns and indexes, then
`guerdon import customers`, killed with -9 in the middle and started again. Exits 1 when a row is
lost or doubled, or when more rows take more memory."""

from __future__ import annotations

import asyncio
import csv
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import asyncpg
import typer

from bench.speed.memory import GUERDON, Peak, require_flat, told
from cli.stack.postgres import temporary
from store import migrate

_HEADER = ("Source_id", "Name", "Email", "Phone", "Address_line_1", "Address_City", "plan")
_KEYS = "bench:" + "A" * 43 + "="


def main(rows: int = 1_000_000, few: int = 10_000, kill: bool = True) -> None:
    """Import a short file, then the long one, and print both."""
    with tempfile.TemporaryDirectory() as folder, temporary() as url:
        migrate.upgrade(url)
        short, _ = _measured(_written(Path(folder) / "few.csv", "f", few), url)
        file = _written(Path(folder) / "customers.csv", "u", rows)
        copied = asyncio.run(_copy(url, rows))
        peak, seconds, killed = Peak(), 0.0, False
        if kill:
            began = time.perf_counter()
            killed = _killed_in_the_middle(file, url, few + rows // 2, peak)
            seconds = time.perf_counter() - began
        rest = 0.0
        if killed or not kill:
            peak_of_rest, rest = _measured(file, url)
            peak.held = max(peak.held, peak_of_rest.held)
        seconds += rest
        found, created = asyncio.run(_counted(url))
        how = ", killed -9 in the middle and started again" if killed else ""
        print(f"rows            {rows}, {file.stat().st_size / 1e6:.0f} MB of CSV")
        print(f"COPY            {copied:.1f} s")
        print(f"import          {seconds:.1f} s{how}")
        print(f"ratio           {seconds / copied:.1f}")
        print(f"peak memory     {told(peak.held)}; for {few} rows {told(short.held)}")
        print(f"customers       {found - few}, told of as created {created - few}")
    if not found == created == rows + few:
        raise SystemExit("a row was lost or doubled")
    require_flat("the import", short.held, peak.held)


def _measured(file: Path, url: str) -> tuple[Peak, float]:
    """Import the file to its end: memory and seconds."""
    peak, began = Peak(), time.perf_counter()
    if status := peak.of(_started(file, url)):
        raise SystemExit(f"the import exited with {status}")
    return peak, time.perf_counter() - began


def _written(path: Path, prefix: str, rows: int) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        writer.writerows(_row(prefix, number) for number in range(rows))
    return path


def _row(prefix: str, number: int) -> tuple[str, ...]:
    email = f"person.{number}@example{number % 50}.com"
    return (
        f"{prefix}{number}",
        f"Person {number}",
        email,
        f"+49{number}",
        "1 Main St",
        "Ulm",
        "pro",
    )


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
    source_id, name, email, phone, *_ = _row("u", number)
    address = '{"line_1": "1 Main St", "city": "Ulm"}'
    return (f"cust_{number:026}", source_id, name, email, phone, address, '{"plan": "pro"}')


def _started(file: Path, url: str) -> subprocess.Popen[bytes]:
    settings = {"GUERDON_DATABASE_URL": url, "GUERDON_ENCRYPTION_KEYS": _KEYS}
    return subprocess.Popen(
        [GUERDON, "import", "customers", str(file)],
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _killed_in_the_middle(file: Path, url: str, at: int, peak: Peak) -> bool:
    """Kill it once there are more than `at` customers. False when it was done before."""
    process = _started(file, url)
    while process.poll() is None:
        peak.watch(process)
        if asyncio.run(_counted(url))[0] > at:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.05)
    return process.returncode == -signal.SIGKILL


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
