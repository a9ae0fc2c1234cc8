"""Ends a referral's attribution window."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlmodel import col

from domain.ids import digest
from domain.messages import Conversion, Expiry, ReferralStart
from domain.referrals import ReferralStatus
from store.database import Database
from store.tables import Referral


async def expire(database: Database, start: ReferralStart) -> Expiry:
    """Expire a referral whose window has passed, unless a conversion was accepted in time: then
    that is judged, however late its message is."""
    async with database.transaction() as tx:
        changed = await tx.session.execute(
            update(Referral)
            .where(
                col(Referral.id) == start.referral_id,
                col(Referral.status) == ReferralStatus.WAITING,
            )
            .values(
                status=ReferralStatus.EXPIRED,
                reason="No conversion came within the attribution window.",
                updated_at=func.now(),
            )
            .returning(col(Referral.id))
        )
        expired = changed.scalar() is not None
        referral = (
            await tx.session.scalars(select(Referral).where(col(Referral.id) == start.referral_id))
        ).one()
        if expired:
            tx.record("referral.expired", "Referral expired unconverted", **referral.event_ids)
            return Expiry(expired=True)
        if referral.conversion is None:
            return Expiry(expired=True)
        accepted = Conversion.model_validate(referral.conversion)
        return Expiry(
            expired=False,
            conversion=accepted.model_copy(update={"event_id": digest(accepted.event_id)}),
        )
