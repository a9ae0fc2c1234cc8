"""`guerdon export`: what the API's exports hold, written by the command itself."""

from __future__ import annotations

import csv
import io
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import text

from store.database import Database
from store.exports.counting import Rows
from tests.builders import add_campaign, add_customer, add_programme
from tests.cli.data_command import KEYS, ran, scalar
from tests.cli.dev_process import GUERDON


async def many(database: Database, count: int) -> None:
    async with database.transaction() as tx:
        await tx.session.execute(
            text(
                "INSERT INTO customers (id, source_id, attributes, created_at)"
                f" SELECT 'cust_' || n, 'u' || n, '{{}}', now() FROM generate_series(1, {count}) n"
            )
        )


class TestFile:
    async def test_holds_the_fields_and_rows_asked_for(
        self, database: Database, database_url: str, tmp_path: Path
    ) -> None:
        for name, plan in (("Ana", "pro"), ("Bo", "free"), ("Cy", "pro")):
            await add_customer(database, name=name, metadata={"plan": plan})
        file = tmp_path / "customers.csv"
        status, out, err = ran(
            *(database_url, "export", "customer", "--fields", "name,metadata.plan"),
            *("--filter", "metadata.plan=pro", "--order=-name", "--output", file),
        )
        assert (status, out) == (0, "")
        assert "2 rows exported" in err
        assert file.read_text() == "name,metadata.plan\nCy,pro\nAna,pro\n"
        assert list(tmp_path.iterdir()) == [file]
        told = "SELECT data ->> 'exported_object' FROM events WHERE type = 'export.created'"
        assert await scalar(database, told) == "customer"

    async def test_goes_to_standard_output_and_conditions_have_words(
        self, database: Database, database_url: str
    ) -> None:
        programme = await add_programme(database)
        await add_campaign(database)
        status, out, _ = ran(
            *(database_url, "export", "voucher", "--fields", "code,campaign_id,active"),
            *("--filter", f"code:starts_with={programme.code[:3]}", "--filter", "active=true"),
            *("--filter", "created_at:after=2020-01-01T00:00:00Z"),
        )
        assert status == 0
        (row,) = csv.DictReader(io.StringIO(out))
        assert (row["code"], row["campaign_id"]) == (programme.code, programme.campaign_id)

    @pytest.mark.parametrize("kind", ["customer", "publication", "redemption", "voucher"])
    async def test_of_nothing_has_a_header(
        self, database: Database, database_url: str, kind: str
    ) -> None:
        status, out, err = ran(database_url, "export", kind)
        assert (status, len(out.splitlines())) == (0, 1)
        assert "0 rows exported" in err

    async def test_of_many_rows_is_whole(
        self, database: Database, database_url: str, tmp_path: Path
    ) -> None:
        await many(database, 50_000)
        file = tmp_path / "customers.csv"
        command = (database_url, "export", "customer", "--fields", "source_id", "--output", file)
        assert ran(*command)[0] == 0
        assert len(set(file.read_text().split())) == 50_001

    async def test_a_reader_that_goes_away_is_said_in_one_line(
        self, database: Database, database_url: str
    ) -> None:
        await many(database, 50_000)
        settings = f"GUERDON_DATABASE_URL={database_url} GUERDON_ENCRYPTION_KEYS={KEYS}"
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {settings} {GUERDON} export customer | head -n 1"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stdout) == (2, "id,source_id,name,email\n")
        assert "guerdon: standard output: Broken pipe" in done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("sku",), "supported are customer"),
            (("customer", "--fields", "secret"), "Unknown field 'secret'"),
            (("customer", "--filter", "name:regex=x"), "Unknown condition '$regex'"),
            (("customer", "--filter", "name"), "write FIELD=VALUE"),
            (("customer", "--order", "nothing"), "Unknown field 'nothing'"),
            (("customer", "--output", "nowhere/c.csv"), "nowhere/c.csv: No such file"),
        ],
    )
    async def test_leave_no_file_and_say_why(
        self, database_url: str, arguments: tuple[str, ...], words: str
    ) -> None:
        status, out, err = ran(database_url, "export", *arguments)
        assert (status, out) == (2, "")
        assert words in " ".join(err.split())


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_rows_are_counted_whatever_the_blocks_are(size: int) -> None:
    data = b'name,note\r\n"a ""b""","two\nlines"\nc,d\n"""",\n'
    rows = Rows()
    for start in range(0, len(data), size):
        rows.take(data[start : start + size])
    assert rows.seen == 3
