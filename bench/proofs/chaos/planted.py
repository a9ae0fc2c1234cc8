"""Bugs planted from the outside, each of which the judge must find.

`python -m bench.proofs.chaos.planted …` is the `guerdon` command with the bug that
GUERDON_CHAOS_PLANT names. The product does not know of it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from secrets import token_hex
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bench.proofs.rewriting import UNLOCKED_PROGRESS, rewrite

PLANT = "GUERDON_CHAOS_PLANT"
CHILD = (sys.executable, "-m", "bench.proofs.chaos.planted")
_LATE = 1.0
"""Seconds between an answer and the commit that should have come before it."""


def random_key() -> None:
    """Every attempt after an order's first uses a new key."""
    orders: Any = import_module("store.orders.attempts")
    real = orders._attempt

    def fresh(*args: Any, **kwargs: Any) -> Any:
        attempt = real(*args, **kwargs)
        if attempt.number == 1:
            return attempt
        key = f"r{token_hex(15)}"
        return attempt._replace(request=attempt.request.model_copy(update={"key": key}))

    _put(orders, "_attempt", fresh)


def no_row_lock() -> None:
    """A referrer's progress is read without a lock."""
    rewrite(UNLOCKED_PROGRESS)


def no_redrive() -> None:
    """What could not be sent to Temporal at once is lost."""

    async def nothing(*_: Any, **__: Any) -> int:
        return 0

    _put(import_module("activities.intake"), "redrive", nothing)


def early_answer() -> None:
    """A conversion is acknowledged just before it is committed."""
    from store.database import Database, Transaction

    endpoints: Any = import_module("api.events.endpoints")
    real, tasks = endpoints.convert, set[asyncio.Task[None]]()

    async def convert(tx: Any, request: Any) -> Any:
        tx.answers_early = True
        return await real(tx, request)

    async def commit_late(session: AsyncSession) -> None:
        await asyncio.sleep(_LATE)
        await session.commit()
        await session.close()

    @asynccontextmanager
    async def transaction(self: Database) -> AsyncIterator[Transaction]:
        session = AsyncSession(self.engine, expire_on_commit=False)
        try:
            tx = Transaction(session)
            yield tx
            await session.flush()
            await tx.write_facts()
        except BaseException:
            await session.close()
            raise
        if getattr(tx, "answers_early", False):
            tasks.add(task := asyncio.create_task(commit_late(session)))
            task.add_done_callback(tasks.discard)
        else:
            await session.commit()
            await session.close()

    _put(endpoints, "convert", convert)
    _put(Database, "transaction", transaction)


_BELIEVE = (
    "UPDATE orders SET state = 'issued', delivery_state = 'delivered' WHERE hook_token = :token",
    "UPDATE grants SET status = 'delivered' WHERE id ="
    " (SELECT grant_id FROM orders WHERE hook_token = :token)",
    "UPDATE referrals SET status = 'completed' WHERE id = (SELECT grants.referral_id FROM grants"
    " JOIN orders ON orders.grant_id = grants.id WHERE hook_token = :token) AND NOT EXISTS"
    " (SELECT 1 FROM grants WHERE referral_id = referrals.id AND status <> 'delivered')",
)


def webhook_believed() -> None:
    """A webhook's content is taken as fact; the order is not read again."""
    endpoints: Any = import_module("api.hooks.endpoints")
    real = endpoints.find_by_hook

    async def believing(session: Any, provider: str, token: str) -> Any:
        hooked = await real(session, provider, token)
        if hooked is not None:
            for statement in _BELIEVE:
                await session.execute(text(statement), {"token": token})
            await session.commit()
        return hooked

    _put(endpoints, "find_by_hook", believing)


PLANTS: dict[str, Callable[[], None]] = {
    plant.__name__: plant
    for plant in (random_key, no_row_lock, no_redrive, early_answer, webhook_believed)
}


def _put(room: Any, name: str, thing: Any) -> None:
    """Replace something that must exist: a plant that changes nothing would prove nothing."""
    getattr(room, name)
    setattr(room, name, thing)


def main() -> None:
    """The `guerdon` command, with the bug."""
    from cli.main import main as guerdon

    PLANTS[os.environ[PLANT]]()
    guerdon()


if __name__ == "__main__":
    main()
