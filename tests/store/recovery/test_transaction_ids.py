"""A database that was restored from a dump counts its transactions anew."""

from __future__ import annotations

import base64

import pytest
from sqlalchemy import text

from store.access.vault import Vault
from store.database import Database
from store.recovery import transaction_ids
from store.recovery.transaction_ids import catch_up, lag
from store.webhooks.deliver import create

VAULT = Vault(f"k1:{base64.b64encode(bytes(32)).decode()}")


async def place_ahead(database: Database, by: int) -> None:
    """A webhook that has been told of events up to there, in the cluster that the dump is of."""
    async with database.transaction() as tx:
        await create(tx, "https://example.com/hook", ["referral.*"], "whsec_c2VjcmV0", VAULT)
        await tx.session.flush()
        await tx.session.execute(
            text("UPDATE webhooks SET xid = pg_current_xact_id()::text::bigint + :by"), {"by": by}
        )


class TestTheTransactionCounter:
    async def test_is_left_alone_where_it_is_ahead(self, database: Database) -> None:
        assert await lag(database) == 0
        assert await catch_up(database) == 0

    async def test_is_moved_on_past_the_facts(self, database: Database) -> None:
        await place_ahead(database, 5_000)
        assert 4_900 < await catch_up(database) <= 5_000
        assert await lag(database) == 0

    async def test_that_is_too_far_behind_is_moved_offline(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transaction_ids, "MOST", 100)
        await place_ahead(database, 5_000)
        with pytest.raises(ValueError, match="pg_resetwal"):
            await catch_up(database)
        assert await lag(database) > 100
