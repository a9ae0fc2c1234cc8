"""Resolves one unknown outcome: asks the provider once more, then records the result."""

from __future__ import annotations

from activities.lane import ProviderLane
from domain.grants import Attention
from domain.messages import StaffRequest, Step
from domain.orders import ENDED, OrderSnapshot, OrderState
from providers.outcomes import ProviderError
from store.staff import resolve
from store.staff.resolve import Doubt


class Contradiction(Exception):
    """The provider shows something else than the person said. The grant stays parked."""

    def __init__(self, attention: Attention, detail: str) -> None:
        super().__init__(detail)
        self.attention, self.detail = attention, detail


class Resolution:
    """`doubt`: the order, and what a person says of it."""

    def __init__(self, lane: ProviderLane, request: StaffRequest, doubt: Doubt) -> None:
        self._lane, self._request, self._doubt = lane, request, doubt

    async def run(self, *, last_attempt: bool) -> Step:
        """Record the resolution.

        Raises for another attempt while the provider does not answer: without its answer, no
        statement by a person may lead to a second order."""
        try:
            found = await self._ask_provider()
        except ProviderError as error:
            if not last_attempt:
                raise self._lane.again(error.detail, error.retry_after) from error
            detail = f"The provider could not be asked: {error.detail}. Resolve again later."
            return await self._unresolved(Attention.OUTCOME_UNKNOWN, detail)
        except Contradiction as found_instead:
            return await self._unresolved(found_instead.attention, found_instead.detail)
        if found is None or self._is_given_up(found):
            async with self._lane.database.transaction() as tx:
                return await resolve.record_not_issued(tx, self._request, self._lane.carrier)
        return await self._adopt(found)

    async def _ask_provider(self) -> OrderSnapshot | None:
        """The order that the provider shows for this grant."""
        doubt, provider = self._doubt, self._lane.provider
        currency = doubt.face.currency
        if doubt.issued and doubt.provider_order_id:
            return self._named(await provider.get_order(doubt.provider_order_id, currency))
        found = await provider.find_order(doubt.key, currency, not_before=doubt.first_sent_at)
        if len(found) > 1:
            detail = f"{len(found)} orders stand under one key: an incident."
            raise Contradiction(Attention.KEY_CONFLICT, detail)
        if doubt.issued and not found:
            detail = "No order is found under our key. Name the provider's own order id."
            raise Contradiction(Attention.OUTCOME_UNKNOWN, detail)
        return found[0] if found else None

    def _is_given_up(self, found: OrderSnapshot) -> bool:
        """Whether a person says "not issued" of an order that has an adverse status at the
        provider."""
        open_ = found.state in (OrderState.PENDING, OrderState.UNKNOWN)
        return not self._doubt.issued and open_ and found.adverse is not None

    def _named(self, snapshot: OrderSnapshot) -> OrderSnapshot:
        if snapshot.key is not None and snapshot.key != self._doubt.key:
            detail = "The named order stands under another key: it is not this grant's."
            raise Contradiction(Attention.OUTCOME_UNKNOWN, detail)
        return snapshot

    async def _adopt(self, found: OrderSnapshot) -> Step:
        doubt, mine = self._doubt, found.provider_order_id
        differs = found.face is not None and found.face != doubt.face
        if differs and not doubt.issued and found.state not in ENDED:
            detail = f"Said not to be issued, but our key stands for a card of {found.face}."
            return await self._unresolved(Attention.KEY_CONFLICT, detail)
        async with self._lane.database.transaction() as tx:
            if await resolve.is_another_grants(tx, mine, doubt.order_id):
                taken = "The named order belongs to another grant."
                step = Attention.OUTCOME_UNKNOWN
                return await resolve.record_unresolved(
                    tx, self._request, step, taken, self._lane.carrier
                )
            await resolve.note_adopted(tx, self._request, self._words(found, differs))
            return await self._lane.record(tx, doubt.order_id, found)

    def _words(self, found: OrderSnapshot, differs: bool) -> str:
        said = "" if self._doubt.issued else "Said not to be issued, but the provider shows it. "
        amount = f" It is worth {found.face}, not {self._doubt.face}." if differs else ""
        return f"{said}Adopted the provider's order {found.provider_order_id}.{amount}"

    async def _unresolved(self, attention: Attention, detail: str) -> Step:
        async with self._lane.database.transaction() as tx:
            return await resolve.record_unresolved(
                tx, self._request, attention, detail, self._lane.carrier
            )
