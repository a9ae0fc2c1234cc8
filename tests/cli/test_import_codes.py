"""`guerdon import codes`: into one campaign, whole, wrong, killed and resumed."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from store.database import Database
from tests.builders import add_campaign
from tests.cli.data_command import ran, scalar, started, write

HEADER = ["Code", "Active", "Category", "Redeemed quantity", "batch"]
IMPORTED = "SELECT count(*) FROM vouchers WHERE code LIKE 'JANE-%'"


def code(number: int) -> list[str]:
    return [f"JANE-{number}", "true", "spring", "0", "7"]


class TestRows:
    async def test_are_created_then_changed(
        self, database: Database, database_url: str, tmp_path: Path
    ) -> None:
        await add_campaign(database, name="Spring party")
        file = write(tmp_path / "c.csv", HEADER, [code(1), ["JANE-2", "", "", "3", ""]])
        command = ("import", "codes", "Spring party", file)
        assert ran(database_url, *command)[:2] == (
            0,
            "2 rows: 2 codes created, 0 updated, 0 rows wrong\n",
        )
        write(file, HEADER, [["JANE-1", "false", "", "", "8"], ["JANE-2", "true", "", "9", ""]])
        assert ran(database_url, *command)[1].startswith("2 rows: 0 codes created, 1 updated")
        told = await scalar(
            database,
            "SELECT string_agg(code || ' ' || active || ' ' || redeemed_quantity || ' ' ||"
            " (attributes ->> 'batch') , '; ' ORDER BY code) FROM vouchers WHERE code LIKE '%-1'",
        )
        assert told == "JANE-1 false 0 7"
        kept = "SELECT redeemed_quantity FROM vouchers WHERE code = 'JANE-2'"
        assert await scalar(database, kept) == 3

    async def test_wrong_ones_are_named_and_hold_no_other_back(
        self, database: Database, database_url: str, tmp_path: Path
    ) -> None:
        spring = await add_campaign(database, name="Spring")
        await add_campaign(database, name="Autumn")
        file = write(tmp_path / "c.csv", HEADER, [code(1)])
        assert ran(database_url, "import", "codes", "Autumn", file)[0] == 0
        write(file, HEADER, [code(1), ["A/B", "", "", "", ""], code(2), ["", "", "", "", "x"]])
        status, out, err = ran(database_url, "import", "codes", spring, file)
        assert (status, out) == (1, "4 rows: 1 codes created, 0 updated, 3 rows wrong\n")
        told = [line for line in err.splitlines() if line.startswith("row ")]
        assert told[0] == "row 1: code: belongs to another campaign"
        assert [line.split(":")[:2] for line in told[1:]] == [
            ["row 2", " code"],
            ["row 4", " code"],
        ]

    async def test_the_same_file_goes_into_another_campaign_too(
        self, database: Database, database_url: str, tmp_path: Path
    ) -> None:
        for name in ("Spring", "Autumn"):
            await add_campaign(database, name=name)
        file = write(tmp_path / "c.csv", HEADER, [code(1)])
        ran(database_url, "import", "codes", "Spring", file)
        # Whoever began a file for Spring must not find it finished for Autumn.
        assert ran(database_url, "import", "codes", "Autumn", file)[0] == 1


class TestRefusals:
    async def test_an_unknown_campaign_and_a_wrong_header(
        self, database: Database, database_url: str, tmp_path: Path
    ) -> None:
        await add_campaign(database, name="Spring")
        file = write(tmp_path / "c.csv", ["Voucher"], [["JANE-1"]])
        for campaign, words in (("Winter", "Cannot find campaign"), ("Spring", "a Code column")):
            status, out, err = ran(database_url, "import", "codes", campaign, file)
            assert (status, out) == (2, "")
            assert words in err
        assert await scalar(database, "SELECT count(*) FROM async_actions") == 0


class TestKilled:
    async def test_goes_on_with_no_row_lost_or_doubled(
        self, database: Database, database_url: str, tmp_path: Path
    ) -> None:
        await add_campaign(database, name="Spring")
        count = 60_000
        file = write(tmp_path / "c.csv", HEADER, [code(number) for number in range(count)])
        command = ("import", "codes", "Spring", file)
        process = started(database_url, *command)
        deadline = time.monotonic() + 180
        while not await scalar(database, "SELECT max(done) FROM async_actions"):
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGKILL)
        process.communicate()
        before = await scalar(database, IMPORTED)
        assert 0 < before < count
        assert ran(database_url, *command)[:2] == (
            0,
            f"{count} rows: {count} codes created, 0 updated, 0 rows wrong\n",
        )
        assert await scalar(database, IMPORTED) == count
