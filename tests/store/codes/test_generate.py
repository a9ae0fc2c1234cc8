"""Codes: as the pattern says, unique, and as many as there are to be had."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from domain.codes import CodeConfig, draw
from domain.refusals import AlreadyExists, CannotCount
from store.codes.generate import Making, mint, mint_this
from store.database import Database
from store.tables import Voucher
from tests.builders import add_campaign, one, rows


async def _mint(database: Database, campaign_id: str, config: CodeConfig, count: int) -> list[str]:
    async with database.transaction() as tx:
        return await mint(tx, campaign_id, config, count)


class TestDraw:
    def test_template(self) -> None:
        config = CodeConfig(prefix="A-", pattern="X#-##", postfix="-Z", charset="01")
        codes = draw(config, 200)
        assert codes == {f"A-X{a}-{b}{c}-Z" for a in "01" for b in "01" for c in "01"}

    def test_every_character_comes_as_often(self) -> None:
        config = CodeConfig(length=64, charset="abc")
        text = "".join(draw(config, 500))
        shares = [text.count(character) / len(text) for character in "abc"]
        assert all(abs(share - 1 / 3) < 0.02 for share in shares)

    def test_nothing_ambiguous_unless_asked_for(self) -> None:
        assert not set("".join(draw(CodeConfig(), 2000))) & set("IO01ilo")


class TestMint:
    async def test_hundred_thousand(
        self, database: Database, figure: Callable[[str], None]
    ) -> None:
        campaign_id = await add_campaign(database, vouchers_count=0)
        begun = time.perf_counter()
        made = await _mint(database, campaign_id, CodeConfig(pattern="REF-########"), 100_000)
        figure(f"100,000 codes in {time.perf_counter() - begun:.1f} s")
        assert len(made) == len(set(made)) == 100_000
        well_formed = col(Voucher.code).op("~")("^REF-[A-HJ-NP-Z2-9]{8}$")
        async with database.reading() as session:
            count = await session.scalar(select(func.count()).where(well_formed))
        assert count == 100_000

    async def test_all_but_the_last_are_taken(self, database: Database) -> None:
        campaign_id = await add_campaign(database, vouchers_count=0)
        config = CodeConfig(pattern="####", charset="abcdef")
        await _mint(database, campaign_id, config, config.combinations - 1)
        assert len(await _mint(database, campaign_id, config, 1)) == 1
        assert len(await rows(database, Voucher)) == 6**4

    async def test_no_more_than_the_pattern_makes(self, database: Database) -> None:
        campaign_id = await add_campaign(database, vouchers_count=0)
        config = CodeConfig(pattern="#", charset="abc")
        with pytest.raises(CannotCount, match=r"makes 3 codes in all, and has no 4 left"):
            await _mint(database, campaign_id, config, 4)
        await _mint(database, campaign_id, config, 2)
        with pytest.raises(CannotCount) as refused:
            await _mint(database, campaign_id, config, 2)
        assert refused.value.key == "no_voucher_suitable_for_publication"
        assert len(await rows(database, Voucher)) == 2

    async def test_unique_over_campaigns(self, database: Database) -> None:
        config = CodeConfig(pattern="##", charset="ab")
        first = await add_campaign(database, vouchers_count=0)
        second = await add_campaign(database, vouchers_count=0)
        await _mint(database, first, config, 2)
        await _mint(database, second, config, 2)
        assert {voucher.code for voucher in await rows(database, Voucher)} == {
            "aa",
            "ab",
            "ba",
            "bb",
        }

    async def test_a_given_code_is_created(self, database: Database) -> None:
        campaign_id = await add_campaign(database, vouchers_count=0)
        making = Making(quantity=3, metadata={"a": 1})
        async with database.transaction() as tx:
            await mint_this(tx, campaign_id, "SUMMER", making)
        voucher = await one(database, Voucher)
        assert (voucher.code, voucher.quantity, voucher.attributes) == ("SUMMER", 3, {"a": 1})
        with pytest.raises(AlreadyExists):
            async with database.transaction() as tx:
                await mint_this(tx, campaign_id, "SUMMER", making)
