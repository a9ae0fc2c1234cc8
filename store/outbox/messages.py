"""Sends messages from the intake table to Temporal: right after the commit
(`store/outbox/dispatcher.py`), or by the redrive.

A message may be sent twice (a crash between sending and marking); the workflow drops the repeat by
its event id, and the workflow id allows no second run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy import func, select, update
from sqlmodel import col
from temporalio.client import Client
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.ids import aftercare_workflow_id
from domain.messages import (
    AFTERCARE_WORKFLOW,
    CONVERT,
    REFERRAL_WORKFLOW,
    REVERSE,
    AftercareStart,
    Conversion,
    ReferralStart,
)
from store.database import Database, now
from store.tables import Intake, Referral
from store.temporal.start import start as start_workflow

log = structlog.get_logger(__name__)

CAMPAIGN = SearchAttributeKey.for_keyword("GuerdonCampaign")
REFERRER = SearchAttributeKey.for_keyword("GuerdonReferrer")
REFEREE = SearchAttributeKey.for_keyword("GuerdonReferee")
SEARCH_ATTRIBUTES = (CAMPAIGN, REFERRER, REFEREE)
"""Set at start, where they are free. The status is not among them: PostgreSQL serves it."""


class Outgoing(NamedTuple):
    """A message to a referral's workflow. Without a conversion it only starts it."""

    id: str
    workflow_id: str
    start: ReferralStart
    conversion: Conversion | None
    reversal_id: str | None = None
    """The message requests this reversal instead of a conversion."""

    @property
    def is_work(self) -> bool:
        """Whether work follows at once; a sign-up only waits."""
        return self.conversion is not None


class RunClosed(Exception):
    """The message's workflow has closed.

    Usually its facts are final, and the message is obsolete; but if the database was restored from
    a backup they are open again, and the message must not be lost. Only the facts decide."""


async def send(client: Client, message: Outgoing) -> None:
    """Start the referral's workflow and signal it, in one request. Raises RunClosed."""
    start = message.start
    signal, argument = _signal(message)
    try:
        await start_workflow(
            client,
            REFERRAL_WORKFLOW,
            start,
            id=message.workflow_id,
            once=True,
            summary=f"Referral {start.referral_id}",
            start_signal=signal,
            start_signal_args=[argument] if argument else [],
            start_delay=None if signal else window(start),
            search_attributes=attributes_of(start),
        )
    except WorkflowAlreadyStartedError:
        log.info("dispatch.closed", workflow_id=message.workflow_id)
        if message.reversal_id is None:
            raise RunClosed from None
        await _send_after(client, start.referral_id, message.reversal_id)


def _signal(message: Outgoing) -> tuple[str | None, Conversion | str | None]:
    if message.reversal_id:
        return REVERSE, message.reversal_id
    return (CONVERT, message.conversion) if message.conversion else (None, None)


async def _send_after(client: Client, referral_id: str, reversal_id: str) -> None:
    """The referral's workflow has closed: an aftercare workflow carries the reversal out."""
    try:
        await start_workflow(
            client,
            AFTERCARE_WORKFLOW,
            AftercareStart(referral_id=referral_id, reversal_id=reversal_id),
            id=aftercare_workflow_id(referral_id, reversal_id),
            once=True,
            summary=f"Reversal of {referral_id}",
        )
    except WorkflowAlreadyStartedError:
        raise RunClosed from None


def attributes_of(start: ReferralStart) -> TypedSearchAttributes:
    """The search attributes of a referral's workflow."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(CAMPAIGN, start.campaign_id),
            SearchAttributePair(REFERRER, start.referrer_id),
            SearchAttributePair(REFEREE, start.referee_id),
        ]
    )


def window(start: ReferralStart) -> timedelta:
    """How long a sign-up can wait without a workflow task.

    The conversion's signal ends the delay at once, and so does the end of the window. It costs one
    event, and no memory of a worker."""
    return max(start.expires_at - now(), timedelta(0))


async def mark_sent(database: Database, ids: list[str]) -> None:
    """Mark these messages as sent to Temporal."""
    async with database.transaction() as tx:
        await tx.session.execute(
            update(Intake).where(col(Intake.id).in_(ids)).values(sent_at=now())
        )


FollowUp = Callable[[Iterable[str]], Awaitable[object]]
"""Handles what is open of these referrals, whose workflows have closed."""


async def redrive(
    database: Database, client: Client, *, older_than: timedelta, follow_up: FollowUp | None = None
) -> int:
    """Send what a crash, a burst or an outage left behind.

    Returns how many were sent; raises the first error, after everything else was sent: one bad
    message does not block the others. Messages for closed workflows stay where they are without a
    `follow_up`."""
    sent, failed, after = 0, None, datetime.min.replace(tzinfo=UTC)
    served = await _served(database, older_than)
    while found := await _unsent(database, older_than, after):
        after = found[-1][0]
        batch = [(at, message) for at, message in found if not _in_line(served, at, message)]
        answers = await asyncio.gather(
            *(send(client, message) for _, message in batch), return_exceptions=True
        )
        closed = [
            message
            for (_, message), answer in zip(batch, answers, strict=True)
            if isinstance(answer, RunClosed)
        ]
        if closed and follow_up:
            await follow_up({message.start.referral_id for message in closed})
        done = [m.id for (_, m), answer in zip(batch, answers, strict=True) if answer is None]
        done += [message.id for message in closed if follow_up]
        await mark_sent(database, done)
        sent += len(done)
        for (_, message), answer in zip(batch, answers, strict=True):
            if answer is not None and not isinstance(answer, RunClosed):
                log.warning("redrive.failed", intake_id=message.id, error=type(answer).__name__)
                failed = failed or answer
    if failed:
        raise failed
    return sent


def _in_line(served: dict[str, datetime], at: datetime, message: Outgoing) -> bool:
    """A running dispatcher admits a referrer's conversions a few at a time, in order. A message
    behind recently sent ones was not forgotten: it waits for its turn."""
    return at > served.get(message.start.referrer_id, datetime.max.replace(tzinfo=UTC))


async def _served(database: Database, lately: timedelta) -> dict[str, datetime]:
    """When the last of the recently sent messages was received, by referrer, for those with
    something unsent."""
    since = now() - lately
    waiting = (
        select(col(Referral.referrer_id))
        .join(Intake, col(Intake.referral_id) == col(Referral.id))
        .where(col(Intake.sent_at).is_(None), col(Intake.received_at) < since)
    )
    async with database.reading() as session:
        rows = await session.execute(
            select(col(Referral.referrer_id), func.max(col(Intake.received_at)))
            .join(Intake, col(Intake.referral_id) == col(Referral.id))
            .where(col(Referral.referrer_id).in_(waiting), col(Intake.sent_at) > since)
            .group_by(col(Referral.referrer_id))
        )
        return {referrer_id: at for referrer_id, at in rows}


async def _unsent(
    database: Database, older_than: timedelta, after: datetime, limit: int = 50
) -> list[tuple[datetime, Outgoing]]:
    async with database.reading() as session:
        rows = await session.execute(
            select(Intake, col(Referral.workflow_id))
            .join(Referral, col(Referral.id) == Intake.referral_id)
            .where(
                col(Intake.sent_at).is_(None),
                col(Intake.received_at) < now() - older_than,
                col(Intake.received_at) > after,
            )
            .order_by(col(Intake.received_at))
            .limit(limit)
        )
        return [
            (
                intake.received_at,
                Outgoing(
                    intake.id,
                    workflow_id,
                    ReferralStart.model_validate(intake.start),
                    Conversion.model_validate(intake.conversion) if intake.conversion else None,
                    intake.reversal_id,
                ),
            )
            for intake, workflow_id in rows
        ]
