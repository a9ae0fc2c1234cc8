"""Carries reversals out: the database's part, and the provider's."""

from __future__ import annotations

from temporalio import activity

from activities.lane import ProviderLane
from activities.pulse import pulse
from domain.messages import Next, Reversed, Step, Undoing
from providers.outcomes import ProviderError
from providers.protocol import Cancels
from store.database import Database
from store.reversals import carry_out as reversing
from store.reversals import take_back_card


class ReversalActivities:
    """Local activities. Idempotent by how much of each grant is already undone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def carry_out(self, referral_id: str) -> Reversed:
        """Undo what all refunds of the referral together require."""
        async with self._database.transaction() as tx:
            return await reversing.carry_out(tx, referral_id)

    @activity.defn
    async def settle(self, grant_id: str) -> Undoing:
        """Look again at a grant whose order's outcome was unknown."""
        async with self._database.transaction() as tx:
            return await reversing.settle_grant(tx, grant_id)


class TakeBackActivities:
    """Runs on the provider's own queue."""

    def __init__(self, lane: ProviderLane) -> None:
        self._lane = lane

    @activity.defn
    async def take_back(self, grant_id: str) -> Step:
        """Ask the provider to cancel the grant's card; if it does not, the recipient owes the
        value.

        Idempotent: adapters return True for a card that is already cancelled."""
        async with pulse():
            async with self._lane.database.transaction() as tx:
                card = await take_back_card.card_to_cancel(tx, grant_id)
            cancelled = card is not None and await self._cancel(card.provider_order_id)
            async with self._lane.database.transaction() as tx:
                if card and cancelled:
                    return await take_back_card.record_taken_back(tx, grant_id)
                undoing = await reversing.settle_grant(tx, grant_id, keeps=card is not None)
            return Step(next=undoing.next or Next.FOLLOW)

    async def _cancel(self, provider_order_id: str) -> bool:
        provider = self._lane.provider
        if not provider.capabilities.can_cancel or not isinstance(provider, Cancels):
            return False
        try:
            return await provider.cancel(provider_order_id)
        except ProviderError as error:
            raise self._lane.again(error.detail, error.retry_after) from error
