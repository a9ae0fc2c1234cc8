"""Stores what the first request under an identity said, and compares every repeat with it.

A caller that handles one subject (a customer, a referral) at a time looks up first and stores last.
If two subjects use one identity at once, the second waits at the primary key for the first to
commit, and is refused."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.ids import digest
from domain.refusals import IdempotencyInProgress
from domain.repeats import POINTERS, Content, Kind, must_say_the_same, trimmed
from store.access.lasting_secret import key_for
from store.database import Transaction
from store.tables import Identity, metadata


class Given(NamedTuple):
    """An identity of the caller. `names`: hashes of it with its scope; several if the same thing
    has several ids, as an order has."""

    kind: Kind
    said: str
    """For messages to the caller."""
    names: tuple[str, ...]


def given(kind: Kind, said: str, *scope: str) -> Given:
    """One identity within a scope."""
    return Given(kind, said, (digest(trimmed(said), *scope),))


_KNOWN = (
    select(Identity)
    .where(
        col(Identity.kind) == bindparam("kind"),
        col(Identity.name).in_(bindparam("names", expanding=True)),
    )
    .order_by(col(Identity.created_at))
)
_IDENTITIES = metadata.tables[str(Identity.__tablename__)]
_KEEP = insert(_IDENTITIES).on_conflict_do_nothing().returning(_IDENTITIES.c.name)


async def recall(tx: Transaction, identity: Given) -> list[Identity]:
    """The requests stored under this identity. Empty for a first request, and for one from before
    migration 0012, whose content was not stored."""
    names = await _kept_names(tx, identity)
    return list(await tx.session.scalars(_KNOWN, {"kind": identity.kind, "names": names}))


def must_match(identity: Given, known: Sequence[Identity], content: Content) -> list[str]:
    """The result of the first request. Raises IdentityReused if it said something else."""
    for one in known:
        must_say_the_same(identity.kind, identity.said, one.content, content)
    return known[0].result


async def keep(tx: Transaction, identity: Given, content: Content, result: list[str]) -> None:
    """Bind the identity to this content, at the end of the transaction.

    Raises IdentityReused if a concurrent request took it with other content, and
    IdempotencyInProgress if one with the same content did."""
    compared = content.model_dump(mode="json", include=set(POINTERS[identity.kind]))
    row = {"kind": identity.kind, "content": compared, "result": result}
    rows = [
        row | {"name": name, "created_at": tx.now}
        for name in sorted(await _kept_names(tx, identity))
    ]
    kept = await tx.session.scalars(_KEEP, rows)
    if len(kept.all()) < len(rows):
        must_match(identity, await recall(tx, identity), content)
        raise IdempotencyInProgress("The first request with this identity still runs.")


async def _kept_names(tx: Transaction, identity: Given) -> list[str]:
    """Hashed with the lasting secret, because an id may name a person and outlives the person's
    erasure."""
    key = await key_for(tx, "identities")
    return [hmac.digest(key, name.encode(), "sha256").hex()[:32] for name in identity.names]
