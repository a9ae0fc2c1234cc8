"""Wallets: what each grant put in, and what was taken out; the credit that expires first is used
first."""

from __future__ import annotations

from sqlalchemy import func, or_, select
from sqlmodel import col

from domain import ledger
from domain.ids import digest
from domain.money import words
from domain.refusals import NotAllowedInState
from domain.repeats import Content, Kind, trimmed
from domain.rewards import GiftCredits, LoyaltyPoints, reward_of
from store.access.identities import given, keep, must_match, recall
from store.database import Transaction
from store.tables import Grant, LedgerEntry, WalletCredit, WalletUse


def credit(tx: Transaction, grant: Grant) -> None:
    """Credit the grant's value to its recipient's wallet; the first credit opens it."""
    subject, unit = grant.posting_subject, grant.unit or ""
    reward = reward_of(grant.reward)
    lasts = reward.valid_for if isinstance(reward, GiftCredits | LoyaltyPoints) else None
    tx.post(ledger.credit_wallet(grant.recipient_id, subject, grant.amount, unit))
    tx.session.add(
        WalletCredit(
            id=subject,
            grant_id=grant.id,
            customer_id=grant.recipient_id,
            unit=unit,
            amount=grant.amount,
            remaining=grant.amount,
            expires_at=tx.now + lasts if lasts else None,
            created_at=tx.now,
        )
    )


async def take(
    tx: Transaction,
    customer_id: str,
    unit: str,
    most: int,
    *,
    first: str | None = None,
    whole: bool = False,
) -> int:
    """Take out up to `most`, from the credit of the grant `first` before others; return the amount.
    `whole`: all of it or nothing. The caller posts it."""
    credits = await _usable(tx, customer_id, unit)
    if whole and sum(credit.remaining for credit in credits) < most:
        return 0
    credits.sort(key=lambda credit: credit.grant_id != first)
    return sum(taken for _, taken in _draw(credits, most))


def _draw(credits: list[WalletCredit], most: int) -> list[tuple[str, int]]:
    """Take up to `most` out of the credits, in order: the amount from each, by its id."""
    drawn = []
    for credit in credits:
        taken = min(most, credit.remaining)
        if taken:
            credit.remaining -= taken
            most -= taken
            drawn.append((credit.id, taken))
    return drawn


async def use(tx: Transaction, customer_id: str, unit: str, amount: int, reference: str) -> None:
    """The person uses credits or points, once per caller's reference. Raises NotAllowedInState if
    the wallet holds less, and IdentityReused for a reference that had another amount before."""
    identity = given(Kind.WALLET_USE, reference, customer_id)
    content = Content(amount=amount, currency=unit)
    # The credits are locked before looking for a repeat, so that concurrent calls take turns.
    credits = await _usable(tx, customer_id, unit)
    if known := await recall(tx, identity):
        must_match(identity, known, content)
        return
    subject = f"{customer_id}/{digest(trimmed(reference))}"
    # A use from before contents were stored, in its old form.
    if await _posted(tx, "use", {subject, f"{customer_id}/{digest(reference)}"}):
        return
    held = sum(credit.remaining for credit in credits)
    if held < amount:
        raise NotAllowedInState(
            f"The wallet holds {words(held, unit)}, less than {words(amount, unit)}.", held=held
        )
    drawn = _draw(credits, amount)
    tx.session.add(
        WalletUse(
            id=subject,
            customer_id=customer_id,
            unit=unit,
            amount=amount,
            drawn=[list(part) for part in drawn],
            created_at=tx.now,
        )
    )
    tx.post(ledger.use_wallet(customer_id, subject, amount, unit))
    await keep(tx, identity, content, [subject])
    tx.record(
        "wallet.used",
        "Wallet used",
        detail=words(amount, unit),
        customer_id=customer_id,
    )


async def expire(tx: Transaction, limit: int = 500) -> int:
    """Book expired unused credits as breakage; return how many there were. Expired credits cannot
    be used meanwhile, so it does not matter how soon this runs."""
    due = await tx.session.scalars(
        select(WalletCredit)
        .where(col(WalletCredit.remaining) > 0, col(WalletCredit.expires_at) <= tx.now)
        .order_by(col(WalletCredit.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    expired = list(due)
    for credit in expired:
        lapsed, credit.remaining = credit.remaining, 0
        tx.post(ledger.expire(credit.customer_id, credit.id, lapsed, credit.unit))
        tx.record(
            "wallet.expired",
            "Wallet credit expired",
            detail=f"{words(lapsed, credit.unit)} lapsed unused",
            customer_id=credit.customer_id,
            grant_id=credit.grant_id,
        )
    return len(expired)


async def _usable(tx: Transaction, customer_id: str, unit: str) -> list[WalletCredit]:
    """The credits with something left, locked, first the one that expires first."""
    await tx.session.flush()
    found = await tx.session.scalars(
        select(WalletCredit)
        .where(
            col(WalletCredit.customer_id) == customer_id,
            col(WalletCredit.unit) == unit,
            col(WalletCredit.remaining) > 0,
            or_(col(WalletCredit.expires_at).is_(None), col(WalletCredit.expires_at) > tx.now),
        )
        .order_by(col(WalletCredit.expires_at).nulls_last(), col(WalletCredit.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found)


async def _posted(tx: Transaction, kind: str, subjects: set[str]) -> bool:
    found = await tx.session.scalar(
        select(func.count()).where(
            col(LedgerEntry.kind) == kind, col(LedgerEntry.subject).in_(subjects)
        )
    )
    return bool(found)
