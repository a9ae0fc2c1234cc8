"""The hash chain over the ledger: complete, never in the way, and it names what was rewritten."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from domain import ledger
from domain.money import Money
from domain.seals import words_hash
from store.database import Database
from store.ledger.seals import EVENTS, seal_next, verify
from store.tables import Event, EventWords, LedgerEntry, LedgerSeal
from tests.builders import add_grant, credits, rows
from tests.worker_process import GUERDON


async def _post(database: Database, count: int) -> None:
    """So many balanced postings, a transaction each."""
    for _ in range(count):
        await add_grant(database, credits(500))


async def _sealed(database: Database, most: int = 5) -> int:
    total = 0
    while count := await seal_next(database, most):
        total += count
    return total


async def _behind_the_back(database_url: str, statement: str, *arguments: Any) -> None:
    """As a superuser: no trigger of the product is asked."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


class TestSealing:
    async def test_every_entry_is_in_one_block(self, database: Database) -> None:
        await _post(database, 6)
        entries = [entry.seq for entry in await rows(database, LedgerEntry)]
        assert await _sealed(database) == len(entries)
        blocks = await rows(database, LedgerSeal)
        assert len(blocks) > 1
        assert sorted(seq for block in blocks for seq in block.seqs) == entries
        checked = await verify(database)
        assert (checked.blocks, checked.entries) == (len(blocks), len(entries))
        assert (checked.unsealed, checked.broken) == (0, None)
        assert await seal_next(database) == 0

    async def test_posting_never_waits_and_nothing_is_left_out(self, database: Database) -> None:
        """A transaction that runs on while others commit holds the boundary back, and no one."""
        async with database.transaction() as slow:
            money = Money(amount=100, currency="USD")
            slow.post(ledger.fund("camp_slow", 1, money))
            await slow.write_facts()
            await _post(database, 2)
            before = await _sealed(database)
            assert before == 0
        assert await _sealed(database) == len(await rows(database, LedgerEntry))
        assert (await verify(database)).broken is None


class TestVerifying:
    @pytest.mark.parametrize(
        ("statement", "words"),
        [
            ("UPDATE ledger_entries SET amount = amount + 1 WHERE seq = $1", "changed"),
            ("UPDATE ledger_entries SET account = 'elsewhere' WHERE seq = $1", "changed"),
            ("DELETE FROM ledger_entries WHERE seq = $1", "removed"),
            (
                "INSERT INTO ledger_entries"
                " (xid, transaction_id, at, kind, subject, account, amount, currency)"
                " SELECT xid, transaction_id, at, 'forged', subject, account, amount, currency"
                " FROM ledger_entries WHERE seq = $1",
                "added",
            ),
        ],
    )
    async def test_the_first_rewritten_entry_is_named(
        self, database: Database, database_url: str, statement: str, words: str
    ) -> None:
        await _post(database, 6)
        await _sealed(database)
        seqs = [entry.seq or 0 for entry in await rows(database, LedgerEntry)]
        victim = seqs[len(seqs) // 2]
        await _behind_the_back(database_url, statement, victim)
        broken = (await verify(database)).broken
        assert broken is not None
        assert words in broken.words
        expected = max([e.seq or 0 for e in await rows(database, LedgerEntry)])
        assert broken.seq == (expected if words == "added" else victim)
        block = next(b for b in await rows(database, LedgerSeal) if victim in b.seqs)
        assert broken.block == block.number

    async def test_a_block_written_anew_breaks_the_chain(
        self, database: Database, database_url: str
    ) -> None:
        await _post(database, 6)
        await _sealed(database)
        statement = "UPDATE ledger_seals SET hash = sha256('forged') WHERE number = $1"
        await _behind_the_back(database_url, statement, 2)
        broken = (await verify(database)).broken
        assert broken is not None
        assert (broken.block, broken.seq) == (2, None)
        await _behind_the_back(database_url, "DELETE FROM ledger_seals WHERE number = $1", 2)
        broken = (await verify(database)).broken
        assert broken is not None
        assert broken.words == "the block is missing"

    @pytest.mark.parametrize("xid", [-5, 2**60])
    async def test_an_entry_that_no_block_will_come_to_is_named(
        self, database: Database, database_url: str, xid: int
    ) -> None:
        await _post(database, 2)
        await _sealed(database)
        statement = (
            "INSERT INTO ledger_entries"
            " (xid, transaction_id, at, kind, subject, account, amount, currency)"
            " VALUES ($1, 'txn_x', now(), 'forged', 'x', 'treasury', 5, 'USD')"
        )
        if xid < 1:
            with pytest.raises(asyncpg.CheckViolationError):
                await _behind_the_back(database_url, statement, xid)
            drop = "ALTER TABLE ledger_entries DROP CONSTRAINT ck_ledger_entries_xid_is_sealed"
            await _behind_the_back(database_url, drop)
        await _behind_the_back(database_url, statement, xid)
        broken = (await verify(database)).broken
        assert broken is not None
        assert broken.words == "was added with the number of no transaction"
        assert broken.seq == max(e.seq or 0 for e in await rows(database, LedgerEntry))

    async def test_a_chain_that_was_sealed_anew_has_not_the_head_that_was_published(
        self, database: Database, database_url: str
    ) -> None:
        await _post(database, 6)
        await _sealed(database)
        head = (await verify(database)).head
        await _post(database, 2)
        await _sealed(database)
        assert (await verify(database, head=head)).known is not None
        await _behind_the_back(database_url, "DELETE FROM ledger_seals")
        await _behind_the_back(database_url, "UPDATE ledger_entries SET amount = amount * 2")
        await _sealed(database)
        checked = await verify(database, head=head)
        assert (checked.broken, checked.known) == (None, None)
        asked = _command(database_url, "--head", head.hex())
        assert asked.returncode == 1
        assert "No block has the head" in asked.stdout
        published = json.loads(_command(database_url, command="head").stdout)
        again = _command(database_url, "--head", published["ledger"]["head"])
        assert again.returncode == 0, again.stdout

    @pytest.mark.parametrize(
        ("statement", "words"),
        [
            ("UPDATE events SET title = 'something else' WHERE seq = $1", "changed"),
            ("UPDATE events SET data = '{\"amount\": 1}' WHERE seq = $1", "changed"),
            ("UPDATE events SET words_hash = 'x' WHERE seq = $1", "changed"),
            ("DELETE FROM events WHERE seq = $1", "removed"),
        ],
    )
    async def test_a_rewritten_event_is_named(
        self, database: Database, database_url: str, statement: str, words: str
    ) -> None:
        await _post(database, 3)
        while await seal_next(database, 5, EVENTS):
            pass
        assert (await verify(database, EVENTS)).broken is None
        victim = [event.seq for event in await rows(database, Event)][3]
        await _behind_the_back(database_url, statement, victim)
        broken = (await verify(database, EVENTS)).broken
        assert broken is not None
        assert broken.seq == victim
        assert words in broken.words

    async def test_erasing_words_breaks_no_seal_and_changing_them_shows(
        self, database: Database
    ) -> None:
        async with database.transaction() as tx:
            tx.record("grant.retry", "Tried", source="staff", detail="Jane called", grant_id="gr_1")
        assert await seal_next(database, chain=EVENTS)
        (event,) = await rows(database, Event, type="grant.retry")
        (words,) = await rows(database, EventWords)
        assert (event.detail, words.words) == (None, "Jane called")
        assert event.words_hash == words_hash(words.key, "Jane called")
        assert event.words_hash != words_hash(words.key, "Jane did not call")
        async with database.transaction() as tx:
            await tx.session.execute(text("DELETE FROM event_words"))
        assert (await verify(database, EVENTS)).broken is None

    @pytest.mark.parametrize("table", ["events", "ledger_entries", "ledger_seals", "event_seals"])
    async def test_what_happened_is_append_only(self, database_url: str, table: str) -> None:
        connection = await asyncpg.connect(database_url)
        try:
            for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(asyncpg.RestrictViolationError):
                    await connection.execute(statement)
        finally:
            await connection.close()

    async def test_the_command_names_it(
        self, database: Database, database_url: str, figure: Callable[[str], None]
    ) -> None:
        await _post(database, 4)
        await _sealed(database)
        held = _command(database_url)
        assert held.returncode == 0, held.stderr
        assert "hold" in held.stdout
        statement = "UPDATE ledger_entries SET amount = -amount WHERE seq = $1"
        await _behind_the_back(database_url, statement, 3)
        broken = _command(database_url)
        assert broken.returncode == 1, broken.stderr
        assert "entry 3" in broken.stdout
        figure(f"guerdon ledger verify: {broken.stdout.strip()}")


def _command(
    database_url: str, *options: str, command: str = "verify"
) -> subprocess.CompletedProcess[str]:
    settings = {
        "GUERDON_DATABASE_URL": database_url,
        "GUERDON_ENCRYPTION_KEYS": "k1:MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=",
    }
    return subprocess.run(
        [GUERDON, "ledger", command, *options],
        env=dict(os.environ) | settings,
        capture_output=True,
        text=True,
        check=False,
    )
