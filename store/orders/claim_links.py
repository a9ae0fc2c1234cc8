"""Claim links: whoever has one has the money. Stored encrypted, shown to named callers only, and
re-encrypted when the key changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.orders import ENDED, ClaimSecret, OrderState
from domain.refusals import NotAllowedInState, NotFound, existing
from domain.rewards import Delivery
from store.access.vault import Vault
from store.database import Database, Transaction
from store.tables import ClaimLink, Grant, Order


class HandedOut(NamedTuple):
    """A claim, and the order whose card it opens."""

    order_id: str
    secret: ClaimSecret


async def keep(tx: Transaction, order_id: str, secret: ClaimSecret, vault: Vault) -> None:
    """Store an order's claim, once: the first link stays, because creating a later one may have
    invalidated it."""
    sealed = vault.encrypt(secret.model_dump_json().encode(), order_id)
    await tx.session.execute(
        insert(ClaimLink)
        .values(order_id=order_id, ciphertext=sealed, created_at=tx.now)
        .on_conflict_do_nothing()
    )


async def is_kept(database: Database, order_id: str) -> bool:
    """Whether this order's claim is stored."""
    async with database.reading() as session:
        return await session.get(ClaimLink, order_id) is not None


async def hand_out(tx: Transaction, grant_id: str, *, actor: str, vault: Vault) -> HandedOut:
    """The claim of the grant's newest order, decrypted. Records who received it.

    Raises NotFound if there is no such grant or its card has no link, NotAllowedInState if the link
    is not here yet, or its card was withdrawn."""
    grant = existing(await tx.session.get(Grant, grant_id), "grant", grant_id)
    row = await tx.session.execute(
        select(Order, ClaimLink)
        .outerjoin(ClaimLink, col(ClaimLink.order_id) == Order.id)
        .where(col(Order.grant_id) == grant_id)
        .order_by(col(Order.generation).desc())
        .limit(1)
    )
    found = row.one_or_none()
    order, claim = _openable(grant, *(found or (None, None)))
    secret = ClaimSecret.model_validate_json(vault.decrypt(claim.ciphertext, order.id))
    tx.record(
        "claim.handed_out",
        "Claim link handed out to staff",
        source="staff",
        actor=actor,
        order_id=order.id,
        **grant.event_ids,
    )
    return HandedOut(order.id, secret)


def _openable(
    grant: Grant, order: Order | None, claim: ClaimLink | None
) -> tuple[Order, ClaimLink]:
    if order is not None and order.state in ENDED:
        raise NotAllowedInState(
            f"The order is {order.state}: its link opens nothing. Retry the grant for a new one."
        )
    if order is not None and claim is not None:
        return order, claim
    if grant.reward.get("delivery") != Delivery.LINK:
        raise NotFound("claim link of grant", grant.id)
    if order is not None and order.state == OrderState.ISSUED:
        raise NotAllowedInState(
            "The card exists, and its link has not come yet: Guerdon asks the provider for it at"
            " its next look. Try again in a moment."
        )
    raise NotAllowedInState(
        f"The grant is {grant.status}: its link comes with the card. Try again once it is issued."
    )


async def rotate(
    database: Database, vault: Vault, *, batch: int = 500, tell: Callable[[int, int], None]
) -> int:
    """Encrypt every claim with the first key; return how many were changed.

    `tell(done, all)` is called after each batch. Safe to stop and to repeat; claims may be read and
    added meanwhile. Raises ValueError for a claim that no configured key decrypts."""
    async with database.reading() as session:
        total = await session.scalar(select(func.count()).select_from(ClaimLink)) or 0
    after, done, changed = "", 0, 0
    while True:
        async with database.transaction() as tx:
            claims = await _batch(tx, after, batch)
            for claim in claims:
                changed += _renewed(claim, vault)
        if not claims:
            return changed
        after, done = claims[-1].order_id, done + len(claims)
        tell(done, max(done, total))


async def _batch(tx: Transaction, after: str, size: int) -> list[ClaimLink]:
    found = await tx.session.scalars(
        select(ClaimLink)
        .where(col(ClaimLink.order_id) > after)
        .order_by(col(ClaimLink.order_id))
        .limit(size)
        .with_for_update()
    )
    return list(found)


def _renewed(claim: ClaimLink, vault: Vault) -> bool:
    if vault.is_current(claim.ciphertext):
        return False
    try:
        plain = vault.decrypt(claim.ciphertext, claim.order_id)
    except ValueError as error:
        raise ValueError(f"the claim of {claim.order_id}: {error}") from None
    claim.ciphertext = vault.encrypt(plain, claim.order_id)
    return True
