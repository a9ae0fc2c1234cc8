"""The referral's own transactions: short, against PostgreSQL only, run as local activities.

Each is idempotent by the state it finds: run again, it answers what was decided the first time.
"""

from __future__ import annotations

from temporalio import activity

from domain.messages import Decision, Expiry, Park, ReferralStart, StaffRequest, Step
from store import grants, qualification
from store.database import Database


class ReferralActivities:
    """Decisions that only the database is needed for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def qualify(self, start: ReferralStart) -> Decision:
        """Judge the conversion and write its grants. Idempotent: a judged referral answers its
        grants."""
        return await qualification.qualify(self._database, start)

    @activity.defn
    async def expire(self, start: ReferralStart) -> Expiry:
        """End the waiting, unless a conversion was accepted in time. Idempotent by status."""
        return await qualification.expire(self._database, start)

    @activity.defn
    async def credit_wallet(self, grant_id: str) -> Step:
        """Credit a reward that Guerdon keeps itself. Idempotent by the grant's status."""
        async with self._database.transaction() as tx:
            return await grants.credit_wallet(tx, grant_id)

    @activity.defn
    async def cancel(self, request: StaffRequest) -> Step:
        """Withdraw a grant. Idempotent by its status; refuses with NotAllowedInState."""
        async with self._database.transaction() as tx:
            return await grants.cancel(tx, request)

    @activity.defn
    async def note_retry(self, request: StaffRequest) -> None:
        """Record that a person asked for another try. A repeat leaves a second line, no more."""
        async with self._database.transaction() as tx:
            await grants.note_retry(tx, request)

    @activity.defn
    async def park(self, request: Park) -> Step:
        """Set a grant aside with a reason. Idempotent by its status."""
        async with self._database.transaction() as tx:
            return await grants.park(tx, request.grant_id, request.attention, request.detail)
