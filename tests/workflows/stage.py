"""Everything that a referral needs to run: database, Temporal, workers, the provider."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from sqlmodel import delete, update
from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from domain.campaigns import CampaignTerms
from domain.customers import Person
from domain.messages import DELIVERY_HINT
from store.access.vault import Vault
from store.customers.upsert import upsert
from store.database import Database, now
from store.outbox.messages import Outgoing, RunClosed, mark_sent, send
from store.referrals.attribute import sign_up
from store.referrals.conversion import ConversionRequest
from store.referrals.convert import Converted
from store.reversals.early import book_purchase
from store.tables import Grant, Lane, Order
from tests.builders import add_customer, add_programme, conversion, one
from tests.workflows.case import Case
from tests.workflows.provider import Hooks, Simulator
from worker.settings import WorkerSettings


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
            attributed = await sign_up(tx, code=code, referee_id=friend, metadata={})
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

    async def accept(self, request: ConversionRequest) -> Converted:
        """Accept a conversion as the API does, without telling Temporal."""
        async with self.database.transaction() as tx:
            return await book_purchase(tx, request)

    async def send(self, messages: list[Outgoing]) -> None:
        for message in messages:
            with suppress(RunClosed):
                await send(self.client, message)
        await mark_sent(self.database, [message.id for message in messages])

    async def correct(self, customer_id: str, **changes: Any) -> None:
        """Staff correct a customer."""
        async with self.database.transaction() as tx:
            await upsert(tx, Person.model_validate({"id": customer_id} | changes))

    async def delay_probes(self) -> None:
        """No stopped lane tries again by itself within the hour."""
        async with self.database.transaction() as tx:
            await tx.session.execute(update(Lane).values(probe_at=now() + timedelta(hours=1)))

    async def relay(self, token: str) -> None:
        """A webhook as the API passes it on: a hint to whoever carries the grant."""
        order = await one(self.database, Order, hook_token=token)
        grant = await one(self.database, Grant, id=order.grant_id)
        # A webhook for a workflow that has closed is not this test's.
        with suppress(RPCError):
            handle = self.client.get_workflow_handle(grant.workflow_id)
            await handle.signal(DELIVERY_HINT, grant.id)
