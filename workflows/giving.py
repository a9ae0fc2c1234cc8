"""Fulfils rewards that need no gift-card provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from activities.callouts import CalloutActivities
from activities.referrals import ReferralActivities
from domain.grants import Attention
from domain.messages import CALLOUT_QUEUE, GrantTask, Park, Step
from workflows.recording import Failed, record

_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(hours=1))


async def give(task: GrantTask) -> Step:
    """Credit the wallet, create the coupon, or call the reward's address."""
    match task.kind:
        case "discount_coupon":
            return await _keep(ReferralActivities.mint_coupon, task.grant_id)
        case "custom":
            return await _call_out(task.grant_id)
        case _:
            return await _keep(ReferralActivities.credit_wallet, task.grant_id)


async def _keep(give: Callable[[Any, str], Awaitable[Step]], grant_id: str) -> Step:
    """Give a reward that Guerdon keeps itself. One that cannot be given is parked, so that a person
    sees it and retries."""
    try:
        return await record(give, grant_id, gives_up=True)
    except Failed as failed:
        park = Park(grant_id=grant_id, attention=Attention.UNEXPECTED, detail=str(failed))
        return await record(ReferralActivities.park, park)


async def _call_out(grant_id: str) -> Step:
    """Retried for days, through an outage of the receiver; then the grant is parked, never
    failed."""
    try:
        return await workflow.execute_activity_method(
            CalloutActivities.call_out,
            grant_id,
            task_queue=CALLOUT_QUEUE,
            start_to_close_timeout=timedelta(seconds=60),
            heartbeat_timeout=timedelta(seconds=10),
            schedule_to_close_timeout=timedelta(days=3),
            retry_policy=_RETRY,
        )
    except ActivityError as error:
        detail = f"Gave up for now: {error.cause or error}"
        park = Park(grant_id=grant_id, attention=Attention.CALLOUT_UNANSWERED, detail=detail)
        return await record(ReferralActivities.park, park)
