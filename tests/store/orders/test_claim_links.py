"""Claim links at rest: stored once, handed out under a name, moved to a new key."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from pathlib import Path

import pytest

from domain.orders import ClaimSecret, DeliveryState, OrderState
from domain.refusals import NotAllowedInState, NotFound
from store.access.vault import Vault
from store.database import Database
from store.orders import claim_links
from store.orders.claim_links import HandedOut
from store.tables import ClaimLink, Event, Order
from tests.builders import add_grant, alter, gift_card, one, rows
from tests.ordering import SECRET, VAULT, attempt, record, snapshot

OLD = f"k1:{base64.b64encode(bytes(range(32))).decode()}"
"""The same key as VAULT's."""
NEW = f"k2:{base64.b64encode(bytes([7]) * 32).decode()}"
LINK = gift_card(delivery="link")


async def issued(database: Database, secret: ClaimSecret | None = SECRET) -> str:
    """A grant whose card is issued by link; answers its id."""
    grant = await add_grant(database, LINK)
    claimed = await attempt(database, grant.id)
    said = snapshot(claimed, delivery=DeliveryState.PENDING, secret=secret)
    await record(database, claimed.order_id, said)
    return grant.id


async def hand_out(database: Database, grant_id: str, vault: Vault = VAULT) -> HandedOut:
    async with database.transaction() as tx:
        return await claim_links.hand_out(tx, grant_id, actor="app_1", vault=vault)


async def rotate(database: Database, keys: str, batch: int = 2) -> tuple[int, list[int]]:
    """How many were re-encrypted, and the progress that was told."""
    told: list[int] = []
    changed = await claim_links.rotate(
        database, Vault(keys), batch=batch, tell=lambda done, _: told.append(done)
    )
    return changed, told


class TestHandOut:
    async def test_the_link_is_the_provider_s_and_the_reader_is_recorded(
        self, database: Database
    ) -> None:
        grant_id = await issued(database)
        given = await hand_out(database, grant_id)
        assert given.secret == SECRET
        event = await one(database, Event, type="claim.handed_out")
        assert (event.actor, event.grant_id, event.order_id) == ("app_1", grant_id, given.order_id)
        assert event.source == "staff"
        for row in await rows(database, Event):
            assert SECRET.link not in row.model_dump_json()

    async def test_each_time_leaves_an_event_of_its_own(self, database: Database) -> None:
        grant_id = await issued(database)
        await asyncio.gather(*(hand_out(database, grant_id) for _ in range(3)))
        assert len(await rows(database, Event, type="claim.handed_out")) == 3

    async def test_a_grant_that_is_not_there(self, database: Database) -> None:
        with pytest.raises(NotFound, match="grant"):
            await hand_out(database, "gr_1")

    async def test_a_card_sent_by_mail_has_no_claim_link(self, database: Database) -> None:
        grant = await add_grant(database)
        claimed = await attempt(database, grant.id)
        await record(database, claimed.order_id, snapshot(claimed))
        with pytest.raises(NotFound, match="claim link"):
            await hand_out(database, grant.id)

    async def test_before_the_order(self, database: Database) -> None:
        grant = await add_grant(database, LINK)
        with pytest.raises(NotAllowedInState, match="once it is issued"):
            await hand_out(database, grant.id)

    async def test_a_card_whose_link_has_not_come_yet(self, database: Database) -> None:
        grant_id = await issued(database, secret=None)
        with pytest.raises(NotAllowedInState, match="in a moment"):
            await hand_out(database, grant_id)

    async def test_a_card_that_was_withdrawn(self, database: Database) -> None:
        grant_id = await issued(database)
        await alter(database, await one(database, Order), state=OrderState.CANCELLED)
        with pytest.raises(NotAllowedInState, match="opens nothing"):
            await hand_out(database, grant_id)
        assert await rows(database, Event, type="claim.handed_out") == []


class TestRotation:
    async def test_every_claim_moves_to_the_first_key(self, database: Database) -> None:
        grants = [await issued(database) for _ in range(5)]
        assert await rotate(database, f"{NEW},{OLD}") == (5, [2, 4, 5])
        for grant_id in grants:
            assert (await hand_out(database, grant_id, Vault(NEW))).secret == SECRET

    async def test_a_repeat_changes_nothing(self, database: Database) -> None:
        await issued(database)
        await rotate(database, f"{NEW},{OLD}")
        before = (await one(database, ClaimLink)).ciphertext
        assert await rotate(database, f"{NEW},{OLD}") == (0, [1])
        assert (await one(database, ClaimLink)).ciphertext == before

    async def test_one_that_was_stopped_goes_on(self, database: Database) -> None:
        for _ in range(4):
            await issued(database)

        def stop(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await claim_links.rotate(database, Vault(f"{NEW},{OLD}"), batch=3, tell=stop)
        assert (await rotate(database, f"{NEW},{OLD}"))[0] == 1

    async def test_a_key_that_is_missing_is_named_with_the_claim(self, database: Database) -> None:
        await issued(database)
        order = await one(database, Order)
        with pytest.raises(ValueError, match=f"{order.id}: no encryption key named 'k1'"):
            await rotate(database, NEW)
        assert VAULT.decrypt((await one(database, ClaimLink)).ciphertext, order.id)

    async def test_nothing_to_do(self, database: Database) -> None:
        assert await rotate(database, NEW) == (0, [])


class TestCommand:
    """`guerdon keys rotate`, as it is run beside a live system."""

    async def run(self, database_url: str, keys: str) -> tuple[int, str]:
        """Its exit status, and all that it says."""
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("guerdon")),
            "keys",
            "rotate",
            env=os.environ
            | {"GUERDON_DATABASE_URL": database_url, "GUERDON_ENCRYPTION_KEYS": keys},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    async def test_the_command_reports_progress_and_result(
        self, database: Database, database_url: str
    ) -> None:
        grants = [await issued(database) for _ in range(3)]
        status, said = await self.run(database_url, f"{NEW},{OLD}")
        assert status == 0, said
        assert "3 of 3 claim links seen" in said
        assert "3 claim links re-encrypted" in said
        assert SECRET.link not in said
        for grant_id in grants:
            assert (await hand_out(database, grant_id, Vault(NEW))).secret == SECRET

    async def test_a_claim_that_no_key_opens_fails_it(
        self, database: Database, database_url: str
    ) -> None:
        await issued(database)
        status, said = await self.run(database_url, NEW)
        assert status == 1
        assert "no encryption key named 'k1'" in said
