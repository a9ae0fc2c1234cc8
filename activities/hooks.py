"""Handles a provider's webhook once its order is known."""

from __future__ import annotations

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.messages import ProviderHook
from store.database import Database
from store.orders import hints
from store.orders.queries import find_named


class HookActivities:
    """Idempotent: a repeated webhook only causes one more look at the order, and decides
    nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def pass_on_hook(self, hook: ProviderHook) -> None:
        """Signal the workflow of the order that the webhook names, so that it reads the order
        again.

        Asks for another attempt while no order has that name: the webhook may arrive before the
        answer to our own request."""
        hooked = await self._database.read(
            find_named, hook.provider, hook.key, hook.provider_order_id
        )
        if hooked is None:
            raise ApplicationError(
                "no order of that name yet", category=ApplicationErrorCategory.BENIGN
            )
        await hints.pass_on(activity.client(), self._database, hooked, adverse=hook.adverse)

    @activity.defn
    async def note_unmatched(self, hook: ProviderHook) -> None:
        """Record that a webhook matches no order of ours. A repeat adds a second line."""
        async with self._database.transaction() as tx:
            tx.record(
                "hook.unmatched",
                f"A webhook of {hook.provider} concerns no order of ours",
                source="provider",
                data=hook.model_dump(mode="json", exclude={"patience"}),
            )
