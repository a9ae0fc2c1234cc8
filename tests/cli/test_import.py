"""`guerdon import customers`: whole, wrong, killed and resumed."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import text

import tests.cli.data_command as data_command
from store.database import Database
from tests.cli.data_command import ran, scalar, started

HEADER = ["Source_id", "Name", "Email", "Phone", "Address_line_1", "Address_City", "plan"]


def write(path: Path, rows: list[list[str]]) -> Path:
    return data_command.write(path, HEADER, rows)


def person(number: int) -> list[str]:
    return [f"u{number}", f"Person {number}", f"u{number}@example.com", "", "1 Main St", "Ulm", "a"]


def imported(file: Path, database_url: str) -> tuple[int, str, str]:
    return ran(database_url, "import", "customers", file)


class TestRows:
    async def test_are_created_then_overwritten(
        self, database: Database, database_url: str, tmp_path: Path
    ) -> None:
        file = write(tmp_path / "c.csv", [person(1), person(2)])
        assert imported(file, database_url)[:2] == (
            0,
            "2 rows: 2 customers created, 0 updated, 0 rows wrong\n",
        )
        write(file, [["u1", "New", "", "", "", "", ""], person(2)])
        assert imported(file, database_url)[1].startswith("2 rows: 0 customers created, 1 updated")
        async with database.reading() as session:
            row = (
                await session.execute(text("SELECT * FROM customers WHERE source_id = 'u1'"))
            ).one()
        assert (row.name, row.email, row.address, row.attributes) == ("New", None, None, {})
        told = await scalar(database, "SELECT string_agg(type, ' ' ORDER BY seq) FROM events")
        assert told.split().count("customer.created") == 2
        assert told.split().count("customer.updated") == 1

    async def test_the_same_file_again_changes_nothing(
        self, database: Database, database_url: str, tmp_path: Path
    ) -> None:
        file = write(tmp_path / "c.csv", [person(1), person(1)])
        imported(file, database_url)
        assert imported(file, database_url)[:2] == (
            0,
            "2 rows: 0 customers created, 0 updated, 0 rows wrong\n",
        )

    async def test_wrong_ones_are_named_and_hold_no_other_back(
        self, database: Database, database_url: str, tmp_path: Path
    ) -> None:
        rows = [person(1), ["u2", "", "nonsense", "", "", "", ""], ["", "x", "", "", "", "", ""]]
        file = write(tmp_path / "c.csv", [*rows, ["short"], person(5)])
        status, out, err = imported(file, database_url)
        assert (status, out) == (1, "5 rows: 2 customers created, 0 updated, 3 rows wrong\n")
        told = [line for line in err.splitlines() if line.startswith("row ")]
        assert [line.split(":")[:2] for line in told[:2]] == [
            ["row 2", " email"],
            ["row 3", " source_id"],
        ]
        assert told[2] == "row 4: has 1 values where the header names 7 columns"
        assert "nonsense" not in err
        assert await scalar(database, "SELECT count(*) FROM customers") == 2


class TestFile:
    @pytest.mark.parametrize(
        ("contents", "words"),
        [
            (b"Name,Email\n", "expected a Source_id column (or Id), found 'Name', 'Email'"),
            (b"Source_id,Source_id\n", "a column is named twice"),
            (b"", "found nothing"),
            ("Source_id,Name\nu1,Иван Петров\n".encode("cp1251"), "expected UTF-8"),
        ],
    )
    def test_that_cannot_be_read_is_refused(
        self, database_url: str, tmp_path: Path, contents: bytes, words: str
    ) -> None:
        file = tmp_path / "c.csv"
        file.write_bytes(contents)
        status, out, err = imported(file, database_url)
        assert (status, out) == (2, "")
        assert words in err

    async def test_a_name_over_two_lines_and_a_byte_order_mark_are_read(
        self, database: Database, database_url: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "c.csv"
        file.write_bytes('\ufeffSource_id,Name\r\nu1,"two\r\nlines"\r\nu2,Ö\r\n'.encode())
        assert imported(file, database_url)[0] == 0
        names = await scalar(database, "SELECT string_agg(name, '|' ORDER BY name) FROM customers")
        assert names == "two\r\nlines|Ö"

    @pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
    async def test_as_a_spreadsheet_saves_it_is_read(
        self, database: Database, database_url: str, tmp_path: Path, encoding: str
    ) -> None:
        file = tmp_path / "c.csv"
        contents = "sep=;\r\nSource_id;Name\r\nu1;Zoë Weiß\r\n4,7E+15;Lost\r\nu2;Besançon\r\n"
        file.write_bytes(contents.encode(encoding))
        status, out, err = imported(file, database_url)
        assert (status, out) == (1, "3 rows: 2 customers created, 0 updated, 1 rows wrong\n")
        assert "row 2: Source_id: a spreadsheet has shortened this number" in err
        names = await scalar(database, "SELECT string_agg(name, '|' ORDER BY name) FROM customers")
        assert names == "Besançon|Zoë Weiß"


class TestKilled:
    async def test_goes_on_with_no_row_lost_or_doubled(
        self, database: Database, database_url: str, tmp_path: Path
    ) -> None:
        count = 60_000
        file = write(tmp_path / "c.csv", [person(number) for number in range(count)])
        process = started(database_url, "import", "customers", file)
        deadline = time.monotonic() + 180
        while not await scalar(database, "SELECT max(done) FROM async_actions"):
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGKILL)
        process.communicate()
        before = await scalar(database, "SELECT count(*) FROM customers")
        assert 0 < before < count
        assert imported(file, database_url)[:2] == (
            0,
            f"{count} rows: {count} customers created, 0 updated, 0 rows wrong\n",
        )
        assert await scalar(database, "SELECT count(*) FROM customers") == count
        created = "SELECT count(*) FROM events WHERE type = 'customer.created'"
        assert await scalar(database, created) == count
