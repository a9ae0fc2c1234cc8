"""Returns what was paid from a wallet, because the goods came back."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlmodel import col

from domain import ledger
from domain.ids import digest
from domain.money import words
from domain.refusals import InvalidPayload, NotAllowedInState, NotFound
from domain.repeats import Content, Kind, trimmed
from store.access.identities import given, keep, must_match, recall
from store.database import Transaction
from store.tables import LedgerEntry, WalletCredit, WalletUse

USABLE_AGAIN = timedelta(days=30)
"""How long an expired credit may be used after it was returned."""
_NAMELESS_PART = (
    "A part of a use needs a name of its own, so that a repeat does not give back twice. Send "
    "metadata.refund_id or an Idempotency-Key."
)


async def give_back(
    tx: Transaction,
    customer_id: str,
    reference: str,
    amount: int | None,
    identity: str | None,
    reason: str | None = None,
) -> WalletUse:
    """Return `amount` of a use to the wallet; None: all that is left of it.

    It goes back to the credits that it was drawn from, last drawn first; an expired one is usable
    again for a while. `identity` is the caller's own name for it: a repeat changes nothing. Locks
    the use, then credits.

    Raises NotFound, InvalidPayload, IdentityReused, or NotAllowedInState when nothing is left."""
    if amount is not None and identity is None:
        raise InvalidPayload(_NAMELESS_PART, field="/metadata/refund_id")
    use = await _lock(tx, customer_id, reference)
    named = given(Kind.WALLET_RETURN, identity, use.id) if identity else None
    content = Content(amount=amount)
    if named and (known := await recall(tx, named)):
        must_match(named, known, content)
        return use
    left = use.amount - use.returned
    if amount is None and not left:
        return use
    await _return(tx, use, _fitting(use, amount, left), reason)
    if named:
        await keep(tx, named, content, [use.id])
    return use


def _fitting(use: WalletUse, amount: int | None, left: int) -> int:
    if not left:
        raise NotAllowedInState("All of this use was given back already.")
    if amount is not None and amount > left:
        raise InvalidPayload(
            f"{words(left, use.unit)} of this use is left to give back: "
            f"{words(amount, use.unit)} is too much.",
            field="/amount",
            used=use.amount,
            returned=use.returned,
        )
    return left if amount is None else amount


async def _lock(tx: Transaction, customer_id: str, reference: str) -> WalletUse:
    ids = {f"{customer_id}/{digest(one)}" for one in (trimmed(reference), reference)}
    statement = select(WalletUse).where(col(WalletUse.id).in_(ids)).with_for_update()
    found = (await tx.session.scalars(statement)).first()
    if found is None:
        found = await _from_before(tx, customer_id, ids)
    if found is None:
        raise NotFound("wallet use", reference)
    return found


async def _from_before(tx: Transaction, customer_id: str, ids: set[str]) -> WalletUse | None:
    """A use from before uses had rows. Two concurrent callers who create its row meet at its
    primary key."""
    entry = await tx.session.scalar(
        select(LedgerEntry).where(
            col(LedgerEntry.kind) == "use",
            col(LedgerEntry.subject).in_(ids),
            col(LedgerEntry.account) == "wallets/used",
        )
    )
    if entry is None:
        return None
    use = WalletUse(
        id=entry.subject,
        customer_id=customer_id,
        unit=entry.currency,
        amount=abs(entry.amount),
        created_at=entry.at,
    )
    tx.session.add(use)
    await tx.session.flush()
    return use


async def _return(tx: Transaction, use: WalletUse, amount: int, reason: str | None) -> None:
    subject = f"{use.id}/{use.returned}"
    for credit, part in await _parts(tx, use, amount):
        if _usable(tx, credit) and credit.remaining + part <= credit.amount:
            credit.remaining += part
        else:
            _credit_again(tx, credit, f"{subject}/{credit.id}", part)
    use.returned += amount
    tx.post(ledger.return_to_wallet(use.customer_id, subject, amount, use.unit, use.id))
    what = f"{words(amount, use.unit)} of {words(use.amount, use.unit)} that were used"
    tx.record(
        "wallet.returned",
        "Given back to the wallet",
        detail=f"{what}: {reason}" if reason else what,
        customer_id=use.customer_id,
    )


async def _parts(tx: Transaction, use: WalletUse, amount: int) -> list[tuple[WalletCredit, int]]:
    """How much goes back to which credit: what was drawn last goes back first."""
    credits = await _credits(tx, use)
    if not use.drawn:
        return [(max(credits.values(), key=lambda credit: credit.created_at), amount)]
    parts, skipped = [], use.returned
    for credit_id, drawn in reversed(use.drawn):
        gone = min(skipped, drawn)
        skipped -= gone
        part = min(drawn - gone, amount)
        if part:
            parts.append((credits[credit_id], part))
            amount -= part
    return parts


async def _credits(tx: Transaction, use: WalletUse) -> dict[str, WalletCredit]:
    """The credits that it may go back to, locked in a fixed order."""
    found = await tx.session.scalars(
        select(WalletCredit)
        .where(col(WalletCredit.customer_id) == use.customer_id, col(WalletCredit.unit) == use.unit)
        .order_by(col(WalletCredit.expires_at).nulls_last(), col(WalletCredit.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {credit.id: credit for credit in found}


def _usable(tx: Transaction, credit: WalletCredit) -> bool:
    return credit.expires_at is None or credit.expires_at > tx.now


def _credit_again(tx: Transaction, of: WalletCredit, id: str, amount: int) -> None:
    tx.session.add(
        WalletCredit(
            id=id,
            grant_id=of.grant_id,
            customer_id=of.customer_id,
            unit=of.unit,
            amount=amount,
            remaining=amount,
            expires_at=None if of.expires_at is None else tx.now + USABLE_AGAIN,
            created_at=tx.now,
        )
    )
