"""Outgoing webhooks: each reads the event table, with its own position.

The position moves by compare-and-set after each accepted event. After a kill one event is sent
again, under the same id; two concurrent runs cannot skip one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from pydantic_core import to_json
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, text, update
from sqlmodel import col

from domain.events.envelope import head
from domain.feed import Place
from domain.ids import Prefix, new_id
from domain.refusals import existing
from store.access import signing_secrets
from store.access.vault import Vault
from store.database import Database, Transaction
from store.events.feed import Followed, follow, place_of
from store.events.outgoing import leaving
from store.tables import Event, SigningSecret, Webhook

AT_ONCE = 50
_SILENT = timedelta(hours=2)
_OLDEST = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")


class Round(NamedTuple):
    """The next events to send, from `place` on. `followed` may be empty and still move the
    position."""

    url: str
    secret: str
    place: Place
    followed: Followed
    bodies: list[dict[str, Any]]
    """The events as they leave, in the same order."""


async def create(
    tx: Transaction,
    url: str,
    events: Sequence[str],
    secret: str,
    vault: Vault,
    *,
    active: bool = True,
) -> str:
    """Create a webhook that receives events from now on, its own creation included; return
    its id."""
    webhook_id, secret_id = new_id(Prefix.WEBHOOK), new_id(Prefix.SECRET)
    await signing_secrets.keep(tx, {secret_id: secret}, vault)
    tx.session.add(
        Webhook(
            id=webhook_id,
            url=url,
            events=list(events),
            secret_id=secret_id,
            active=active,
            xid=int(await tx.session.scalar(_OLDEST) or 0),
            seq=0,
            created_at=tx.now,
        )
    )
    tx.record("webhook.created", "Webhook created", data={"webhook_id": webhook_id})
    return webhook_id


async def change(
    tx: Transaction,
    webhook_id: str,
    url: str | None,
    events: Sequence[str] | None,
    active: bool | None = None,
) -> None:
    """None leaves a value unchanged. Undelivered events go to the new address. Raises NotFound."""
    webhook = await _locked(tx, webhook_id)
    webhook.url = url or webhook.url
    webhook.events = list(events or webhook.events)
    webhook.active = webhook.active if active is None else active
    webhook.updated_at = tx.now
    tx.record("webhook.updated", "Webhook changed", data={"webhook_id": webhook_id})


async def remove(tx: Transaction, webhook_id: str) -> None:
    """Stop sending, and delete its secret. Raises NotFound."""
    webhook = await _locked(tx, webhook_id)
    await tx.session.delete(webhook)
    await tx.session.flush()
    await tx.session.execute(
        delete(SigningSecret).where(col(SigningSecret.id) == webhook.secret_id)
    )
    tx.record("webhook.deleted", "Webhook deleted", data={"webhook_id": webhook_id})


async def _locked(tx: Transaction, webhook_id: str) -> Webhook:
    return existing(
        await tx.session.get(Webhook, webhook_id, with_for_update=True), "webhook", webhook_id
    )


async def take_up(database: Database, webhook_id: str) -> None:
    """Record that a worker serves it now."""
    async with database.transaction() as tx:
        await tx.session.execute(
            update(Webhook).where(col(Webhook.id) == webhook_id).values(read_at=tx.now)
        )


async def unattended(database: Database) -> list[str]:
    """Webhooks that no worker serves, or not for long."""
    async with database.transaction() as tx:
        silent = or_(col(Webhook.read_at).is_(None), col(Webhook.read_at) < tx.now - _SILENT)
        active = col(Webhook.active)
        return list(await tx.session.scalars(select(col(Webhook.id)).where(silent, active)))


async def next_round(database: Database, webhook_id: str, vault: Vault) -> Round | None:
    """The events after its position; None if the webhook is deleted, or not active."""
    async with database.transaction() as tx:
        webhook = await tx.session.get(Webhook, webhook_id)
        if webhook is None or not webhook.active:
            return None
        secret = await signing_secrets.open_secret(tx, webhook.secret_id, vault)
    place = Place(webhook.xid, webhook.seq)
    followed = await database.read(follow, place, AT_ONCE, webhook.events)
    bodies = await database.read(leaving, followed.events)
    return Round(webhook.url, secret, place, followed, bodies)


def body_of(entry: dict[str, Any]) -> bytes:
    """Standard Webhooks' payload: `data` is the event log's entry, and its typed members beside."""
    start = head(entry["id"], entry["type"], entry["at"])
    return to_json(start | {"data": entry["data"] | entry})


async def move(database: Database, webhook_id: str, before: Place, place: Place) -> bool:
    """Nothing up to `place` matches its types. False: another run has moved the position."""
    return await _set(database, webhook_id, before, xid=place.xid, seq=place.seq)


async def record_taken(database: Database, webhook_id: str, before: Place, event: Event) -> bool:
    """The receiver has accepted the event. False: another run has recorded that."""
    xid, seq = place_of(event)
    return await _set(
        database,
        webhook_id,
        before,
        xid=xid,
        seq=seq,
        last_success_at=func.now(),
        last_attempt_at=func.now(),
        failing_since=None,
        failures=0,
        failure=None,
    )


async def record_failed(database: Database, webhook_id: str, before: Place, detail: str) -> int:
    """The receiver has not accepted the next event; return how often in a row. 0: another run has
    moved on."""
    await _set(
        database,
        webhook_id,
        before,
        last_attempt_at=func.now(),
        failing_since=func.coalesce(col(Webhook.failing_since), func.now()),
        failures=col(Webhook.failures) + 1,
        failure=detail,
    )
    async with database.reading() as session:
        failures = select(col(Webhook.failures)).where(col(Webhook.id) == webhook_id)
        return await session.scalar(failures) or 0


async def _set(database: Database, webhook_id: str, before: Place, **values: object) -> bool:
    async with database.transaction() as tx:
        changed = await tx.session.execute(
            update(Webhook)
            .where(_stands_at(webhook_id, before))
            .values(**values)
            .returning(col(Webhook.id))
        )
        return changed.scalar() is not None


def _stands_at(webhook_id: str, place: Place) -> ColumnElement[bool]:
    return and_(
        col(Webhook.id) == webhook_id,
        col(Webhook.xid) == place.xid,
        col(Webhook.seq) == place.seq,
    )
