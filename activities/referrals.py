"""The referral's own transactions: short, against PostgreSQL only, run as local activities.

Each is idempotent by the state it finds: run again, it answers what was decided the first time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from temporalio import activity

from domain.messages import (
    Decision,
    Expiry,
    Park,
    ReferralStart,
    ReviewRequest,
    StaffRequest,
    Step,
)
from domain.refusals import NotAllowedInState
from store.codes import coupons
from store.database import Database, Transaction
from store.qualification import qualify as qualification
from store.referrals import expire as expiry
from store.referrals import pauses
from store.staff import cancel as grants
from store.staff import requests, review

Request = TypeVar("Request", StaffRequest, ReviewRequest)
Answer = TypeVar("Answer")
CarryOut: TypeAlias = Callable[[Transaction, Request, str], Awaitable[Answer]]


class ReferralActivities:
    """Decisions that need only the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def qualify(self, start: ReferralStart) -> Decision:
        """Judge the conversion and create its grants. Idempotent: a judged referral returns its
        grants."""
        return await qualification.qualify(self._database, start)

    @activity.defn
    async def judge_again(self, referral_id: str) -> Decision:
        """Judge a referral that was reinstated. Idempotent like `qualify`."""
        return await qualification.judge_again(self._database, referral_id, _carrier())

    @activity.defn
    async def expire(self, start: ReferralStart) -> Expiry:
        """Expire the referral, unless a conversion was accepted in time. Idempotent by status."""
        return await expiry.expire(self._database, start)

    @activity.defn
    async def attend_to_pause(self, start: ReferralStart) -> None:
        """Mark a conversion that has been held for long as needing attention. Idempotent by
        status."""
        async with self._database.transaction() as tx:
            await pauses.attend(tx, start)

    @activity.defn
    async def credit_wallet(self, grant_id: str) -> Step:
        """Credit a wallet reward. Idempotent by the grant's status."""
        async with self._database.transaction() as tx:
            return await grants.credit_wallet(tx, grant_id)

    @activity.defn
    async def mint_coupon(self, grant_id: str) -> Step:
        """Create a coupon for the grant's recipient. Idempotent by the grant's status, in one
        transaction."""
        async with self._database.transaction() as tx:
            return await coupons.give(tx, grant_id)

    @activity.defn
    async def begin_review(self, grant_id: str) -> Step:
        """Move a grant from hold to review. Idempotent by its status."""
        async with self._database.transaction() as tx:
            return await review.begin(tx, grant_id)

    @activity.defn
    async def approve(self, request: ReviewRequest) -> None:
        """Release the grants in review. Idempotent by the request's row; refuses with
        NotAllowedInState."""
        await self._if_possible(request, review.approve)

    @activity.defn
    async def deny(self, request: ReviewRequest) -> None:
        """Cancel the grants in review and reject the referral. Idempotent like `approve`."""
        await self._if_possible(request, review.deny)

    @activity.defn
    async def cancel(self, request: StaffRequest) -> Step:
        """Cancel a grant. Idempotent by its status; refuses with NotAllowedInState."""
        return await self._if_possible(request, grants.cancel)

    @activity.defn
    async def note_retry(self, request: StaffRequest) -> None:
        """Record that a person asked for another try. A repeat only adds a second line."""
        async with self._database.transaction() as tx:
            await grants.note_retry(tx, request, _carrier())

    async def _if_possible(self, request: Request, carry_out: CarryOut[Request, Answer]) -> Answer:
        """Carry the request out; if the facts have changed meanwhile, record that it had no
        effect."""
        try:
            async with self._database.transaction() as tx:
                return await carry_out(tx, request, _carrier())
        except NotAllowedInState as refusal:
            async with self._database.transaction() as tx:
                await requests.note_in_vain(tx, request.request_id, refusal.detail)
            raise

    @activity.defn
    async def park(self, request: Park) -> Step:
        """Park a grant with a reason. Idempotent by its status."""
        async with self._database.transaction() as tx:
            return await grants.park(tx, request.grant_id, request.attention, request.detail)


def _carrier() -> str:
    """The id of the workflow that runs this activity, which now handles the grant."""
    return activity.info().workflow_id or ""
