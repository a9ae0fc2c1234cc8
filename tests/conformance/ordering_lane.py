"""The lane's activities, run again and again as Temporal would, without its pauses."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.lane import ProviderLane, Timing
from activities.orders import OrderActivities
from domain.messages import Next, Step
from providers.protocol import GiftCardProvider
from store.database import Database
from tests.ordering import PACE, VAULT

TIMING = Timing(
    attempt=timedelta(seconds=1.5),
    claim=timedelta(seconds=2.2),
    longest_delay=timedelta(seconds=10),
    resume=timedelta(seconds=0.2),
)
"""Short, so that a lost answer and a lapsed claim need not be waited for long."""
PATIENT = Timing(
    attempt=timedelta(seconds=20),
    claim=timedelta(seconds=25),
    longest_delay=timedelta(seconds=10),
    resume=timedelta(seconds=0.2),
)
"""For a worker that is about to be killed: it must still be waiting by then."""
_TICK = 0.03
_MOST = 400
"""Rounds, of a tick and an activity each, within which every order has to come to rest."""


def lane_of(
    database: Database, provider: GiftCardProvider, hooks: str, timing: Timing = TIMING
) -> ProviderLane:
    return ProviderLane(
        database=database, provider=provider, vault=VAULT, timing=timing, pace=PACE, hooks=hooks
    )


class Again(Exception):
    """The activity asked Temporal for another attempt."""


class OrderingLane:
    """Calls the activities. An error other than TryAgain is nobody's plan, and is raised."""

    def __init__(self, activities: OrderActivities) -> None:
        self._activities = activities

    async def place(self, grant_id: str, attempt: int = 1) -> Step:
        """One attempt at ordering. Raises Again."""
        try:
            return await _environment(attempt).run(self._activities.place_order, grant_id)
        except ApplicationError as error:
            raise _again(error) from error

    async def check(self, grant_id: str, attempt: int = 1) -> Step:
        """One look at the order. Raises Again."""
        try:
            return await _environment(attempt).run(self._activities.check_order, grant_id)
        except ApplicationError as error:
            raise _again(error) from error

    async def answered(self, grant_id: str) -> Step:
        """Attempts at ordering until one has an answer."""
        for attempt in range(1, _MOST):
            with suppress(Again):
                return await self.place(grant_id, attempt)
            await asyncio.sleep(_TICK)
        raise AssertionError("the order never got an answer")

    async def to_rest(self, grant_id: str) -> Step:
        """Carry the grant on as its workflow would, until it rests or only a person can help.
        A parked grant whose cause may pass tries again by itself."""
        step = Step(next=Next.ORDER)
        for attempt in range(1, _MOST):
            with suppress(Again):
                follows = step.next is Next.FOLLOW
                step = await (self.check if follows else self.place)(grant_id, attempt)
            if step.next is Next.REST or (step.next is Next.ATTEND and step.after is None):
                return step
            await asyncio.sleep(_TICK)
        raise AssertionError(f"the grant never came to rest: {step!r}")


def _environment(attempt: int) -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt)
    return environment


def _again(error: ApplicationError) -> Exception:
    return Again(str(error)) if error.type == "TryAgain" else error
