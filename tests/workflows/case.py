"""One referral under way, and the words that a test asks about it with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import UpdateActivityOptionsRequest
from temporalio.client import WorkflowUpdateFailedError

from domain.messages import StaffRequest
from domain.staff import Action
from store.referrals.convert import Converted
from store.tables import Event, Grant, Order, Referral
from tests.builders import conversion, one, rows

if TYPE_CHECKING:
    from tests.workflows.stage import Stage

Found = TypeVar("Found")


async def eventually(check: Callable[[], Awaitable[Found]], seconds: float = 120) -> Found:
    """Wait until `check` gives something true; that."""
    deadline = time.monotonic() + seconds
    while not (found := await check()):
        assert time.monotonic() < deadline, f"still {found!r} after {seconds} s"
        await asyncio.sleep(0.03)
    return found


class Case:
    """One referral under way."""

    def __init__(self, stage: Stage, referral: Referral, code: str) -> None:
        self.stage, self.id, self.code = stage, referral.id, code
        self.referee_id, self.referrer_id = referral.referee_id, referral.referrer_id
        self.handle = stage.watch(referral.workflow_id)

    async def convert(self, **changes: Any) -> Converted:
        """The friend's conversion event, accepted and sent."""
        accepted = await self.stage.accept(conversion(self.referee_id, **changes))
        await self.stage.send(accepted.intake)
        return accepted

    async def skip(self, **delta: float) -> bool:
        """Move this workflow's clock forward; False when it ended before that. The clock stands
        still while an activity is under way, or waits for its next attempt."""
        moved = self.stage.temporal.fast_forward(self.handle, timedelta(**delta))
        return await asyncio.wait_for(moved, 120)

    async def referral(self) -> Referral:
        return await one(self.stage.database, Referral, id=self.id)

    async def grants(self, **equal: Any) -> list[Grant]:
        return await rows(self.stage.database, Grant, referral_id=self.id, **equal)

    async def orders(self) -> list[Order]:
        found: list[Order] = []
        for grant in await self.grants():
            found += await rows(self.stage.database, Order, grant_id=grant.id)
        return found

    async def events(self, **equal: Any) -> list[str]:
        """The types of its events, oldest first."""
        found = await rows(self.stage.database, Event, referral_id=self.id, **equal)
        return [event.type for event in found]

    async def cards(self) -> list[dict[str, Any]]:
        """What the provider's book holds for it."""
        return await self.stage.simulator.book(*[order.key for order in await self.orders()])

    async def reaches(self, status: str, seconds: float = 120) -> None:
        """Wait until the referral's row says so."""

        async def there() -> bool:
            return (await self.referral()).status == status

        await eventually(there, seconds)

    async def parked(self, attention: str, seconds: float = 120) -> Grant:
        """Wait until a grant needs attention for this reason, and its workflow knows: it hears of
        it a moment after the row says so, and takes no request of staff before."""

        async def there() -> list[Grant]:
            return await self.grants(status="needs_attention", attention=attention)

        grant = (await eventually(there, seconds))[0]
        await eventually(self._rests, seconds)
        return grant

    async def _rests(self) -> bool:
        """Has the workflow taken in the end of every activity?"""
        raw = (await self.handle.describe()).raw_description
        return not raw.pending_activities and not raw.HasField("pending_workflow_task")

    async def result(self, seconds: float = 120) -> Any:
        """What the workflow ends with."""
        return await asyncio.wait_for(self.handle.result(), seconds)

    async def postponed(self) -> None:
        """Wait until the workflow has set its timer for another try at the database: through an
        outage, or a fault."""

        async def waits() -> bool:
            history = await self.handle.fetch_history()
            summaries = [event.user_metadata.summary.data for event in history.events]
            return any(b"database unavailable" in s or b"not for an outage" in s for s in summaries)

        await eventually(waits)

    async def failed_once(self) -> bool:
        """Has an activity under way failed, and waits for its next attempt?"""
        return any(activity.HasField("last_failure") for activity in await self._under_way())

    async def give_up(self) -> None:
        """Have the activity under way run out of its days now."""
        client = self.stage.client
        for activity in await self._under_way():
            request = UpdateActivityOptionsRequest(
                namespace=client.namespace,
                execution=WorkflowExecution(workflow_id=self.handle.id),
                id=activity.activity_id,
                update_mask=FieldMask(paths=["schedule_to_close_timeout"]),
            )
            request.activity_options.schedule_to_close_timeout.seconds = 1
            await client.workflow_service.update_activity_options(request)

    async def _under_way(self) -> list[PendingActivityInfo]:
        return list((await self.handle.describe()).raw_description.pending_activities)

    async def retry(self, grant_id: str) -> None:
        await self._ask(Action.RETRY, grant_id)

    async def cancel(self, grant_id: str) -> None:
        await self._ask(Action.CANCEL, grant_id)

    async def _ask(self, update: str, grant_id: str) -> None:
        request = StaffRequest(grant_id=grant_id, actor="app_staff", reason="a reason")
        try:
            await self.handle.execute_update(update, request)
        except WorkflowUpdateFailedError as error:
            raise Refused(str(error.cause)) from error


class Refused(Exception):
    """A validator said no; the text is what staff read."""
