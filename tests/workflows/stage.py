"""Everything that a referral needs to run, and the words that a test asks about it with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from builders import add_customer, add_programme, conversion, one, rows
from google.protobuf.field_mask_pb2 import FieldMask
from provider import Hooks, Simulator
from sqlmodel import delete, update
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import UpdateActivityOptionsRequest
from temporalio.client import WorkflowHandle, WorkflowHistory, WorkflowUpdateFailedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from domain.campaigns import CampaignTerms
from domain.customers import Person
from domain.messages import CANCEL, DELIVERY_HINT, RETRY, StaffRequest
from store import attribution, customers
from store.attribution import ConversionRequest
from store.crypto import Vault
from store.database import Database, now
from store.dispatch import Outgoing, mark_sent, send
from store.tables import Event, Grant, Lane, Order, Referral
from worker.settings import WorkerSettings

Found = TypeVar("Found")
Keep = Callable[[str, WorkflowHandle[Any, Any]], Awaitable[None]]
"""Takes a name and the workflow whose history is kept under it."""


async def eventually(check: Callable[[], Awaitable[Found]], seconds: float = 15) -> Found:
    """Wait until `check` gives something true; that."""
    deadline = time.monotonic() + seconds
    while not (found := await check()):
        assert time.monotonic() < deadline, f"still {found!r} after {seconds} s"
        await asyncio.sleep(0.03)
    return found


class Stage:
    """A database, Temporal, workers, the simulator and its webhooks."""

    def __init__(
        self,
        database: Database,
        temporal: WorkflowEnvironment,
        simulator: Simulator,
        hooks: Hooks,
        settings: WorkerSettings,
        vault: Vault,
    ) -> None:
        self.database, self.temporal = database, temporal
        self.simulator, self.hooks = simulator, hooks
        self.settings, self.vault = settings, vault
        self.client = temporal.client
        self._handles: dict[str, WorkflowHandle[Any, Any]] = {}

    def watch(self, workflow_id: str) -> WorkflowHandle[Any, Any]:
        """A workflow of this module, whose history has to replay in the end."""
        handle: WorkflowHandle[Any, Any] = self.client.get_workflow_handle(workflow_id)
        return self._handles.setdefault(workflow_id, handle)

    async def histories(self) -> list[WorkflowHistory]:
        """Of every workflow watched so far, finished or not."""
        fetched: list[WorkflowHistory] = []
        for handle in self._handles.values():
            # One that was never told to Temporal has none.
            with suppress(RPCError):
                fetched.append(await handle.fetch_history())
        return fetched

    async def clear(self) -> None:
        """End what still runs: no later module's workers may take it up."""
        for handle in self._handles.values():
            with suppress(RPCError):
                await handle.terminate()

    async def open_lanes(self) -> None:
        """No provider is stopped."""
        async with self.database.transaction() as tx:
            await tx.session.execute(delete(Lane))

    async def signed_up(self, terms: CampaignTerms, referee_id: str | None = None) -> Case:
        """A friend who signed up with a new referrer's code; the workflow waits."""
        return await self.signed_up_with(
            (await add_programme(self.database, terms)).code, referee_id
        )

    async def signed_up_with(self, code: str, referee_id: str | None = None) -> Case:
        """The same, with a code that is there already."""
        friend = referee_id or await add_customer(self.database)
        async with self.database.transaction() as tx:
            attributed = await attribution.sign_up(tx, code=code, referee_id=friend, metadata={})
        await self.send(attributed.intake)
        return Case(self, attributed.referral, code)

    async def converted(self, terms: CampaignTerms, referee_id: str | None = None) -> Case:
        """A friend whose first message is the conversion itself."""
        programme = await add_programme(self.database, terms)
        return await self.converted_with(programme.code, referee_id)

    async def converted_with(
        self, code: str, referee_id: str | None = None, **changes: Any
    ) -> Case:
        """The same, with a code that is there already."""
        friend = referee_id or await add_customer(self.database)
        accepted = await self.accept(conversion(friend, code, **changes))
        await self.send(accepted.intake)
        return Case(self, accepted.referrals[0], code)

    async def accept(self, request: ConversionRequest) -> attribution.Converted:
        """Accept a conversion as the API does, without telling Temporal."""
        async with self.database.transaction() as tx:
            return await attribution.convert(tx, request)

    async def send(self, messages: list[Outgoing]) -> None:
        for message in messages:
            await send(self.client, message)
        await mark_sent(self.database, [message.id for message in messages])

    async def correct(self, customer_id: str, **changes: Any) -> None:
        """Staff correct a customer."""
        async with self.database.transaction() as tx:
            await customers.upsert(tx, Person.model_validate({"id": customer_id} | changes))

    async def delay_probes(self) -> None:
        """No stopped lane tries again by itself within the hour."""
        async with self.database.transaction() as tx:
            await tx.session.execute(update(Lane).values(probe_at=now() + timedelta(hours=1)))

    async def failed_once(self, case: Case) -> bool:
        """Has an activity under way failed, and waits for its next attempt?"""
        pending = (await case.handle.describe()).raw_description.pending_activities
        return any(activity.HasField("last_failure") for activity in pending)

    async def give_up(self, case: Case) -> None:
        """Have the activity under way run out of its days now."""
        pending = (await case.handle.describe()).raw_description.pending_activities
        for activity in pending:
            request = UpdateActivityOptionsRequest(
                namespace=self.client.namespace,
                execution=WorkflowExecution(workflow_id=case.handle.id),
                id=activity.activity_id,
                update_mask=FieldMask(paths=["schedule_to_close_timeout"]),
            )
            request.activity_options.schedule_to_close_timeout.seconds = 1
            await self.client.workflow_service.update_activity_options(request)

    async def relay(self, token: str) -> None:
        """A webhook as the API passes it on: a hint to whoever carries the grant."""
        order = await one(self.database, Order, hook_token=token)
        grant = await one(self.database, Grant, id=order.grant_id)
        # A webhook for a workflow that has closed is not this test's.
        with suppress(RPCError):
            handle = self.client.get_workflow_handle(grant.workflow_id)
            await handle.signal(DELIVERY_HINT, grant.id)


class Case:
    """One referral under way."""

    def __init__(self, stage: Stage, referral: Referral, code: str) -> None:
        self.stage, self.id, self.code = stage, referral.id, code
        self.referee_id, self.referrer_id = referral.referee_id, referral.referrer_id
        self.handle = stage.watch(referral.workflow_id)

    async def convert(self, **changes: Any) -> attribution.Converted:
        """The friend's conversion event, accepted and sent."""
        accepted = await self.stage.accept(conversion(self.referee_id, **changes))
        await self.stage.send(accepted.intake)
        return accepted

    async def skip(self, **delta: float) -> bool:
        """Move this workflow's clock forward; False when it ended before that. The clock stands
        still while an activity is under way, or waits for its next attempt."""
        moved = self.stage.temporal.fast_forward(self.handle, timedelta(**delta))
        return await asyncio.wait_for(moved, 60)

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

    async def reaches(self, status: str, seconds: float = 15) -> None:
        """Wait until the referral's row says so."""

        async def there() -> bool:
            return (await self.referral()).status == status

        await eventually(there, seconds)

    async def parked(self, attention: str, seconds: float = 15) -> Grant:
        """Wait until a grant needs attention for this reason."""

        async def there() -> list[Grant]:
            return await self.grants(status="needs_attention", attention=attention)

        return (await eventually(there, seconds))[0]

    async def result(self, seconds: float = 15) -> Any:
        """What the workflow ends with."""
        return await asyncio.wait_for(self.handle.result(), seconds)

    async def postponed(self) -> None:
        """Wait until the workflow has set its timer for another try at the database."""

        async def waits() -> bool:
            history = await self.handle.fetch_history()
            summaries = [event.user_metadata.summary.data for event in history.events]
            return b'"database unavailable"' in summaries

        await eventually(waits, 30)

    async def retry(self, grant_id: str) -> None:
        await self._ask(RETRY, grant_id)

    async def cancel(self, grant_id: str) -> None:
        await self._ask(CANCEL, grant_id)

    async def _ask(self, update: str, grant_id: str) -> None:
        request = StaffRequest(grant_id=grant_id, actor="app_staff", reason="a reason")
        try:
            await self.handle.execute_update(update, request)
        except WorkflowUpdateFailedError as error:
            raise Refused(str(error.cause)) from error


class Refused(Exception):
    """A validator said no; the text is what staff read."""
