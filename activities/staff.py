"""Staff requests that involve the provider. Registered on the provider's own queue."""

from __future__ import annotations

from temporalio import activity

from activities.lane import ProviderLane
from activities.pulse import pulse
from activities.resolution import Resolution
from domain.messages import StaffRequest, Step
from providers.outcomes import OrderRejected, ProviderError, ProviderMisconfigured
from providers.protocol import Cancels, Resends
from store.orders.attempts import Busy
from store.staff import readdress
from store.staff import resend as resending
from store.staff import resolve as resolution
from store.staff.resend import Resend
from store.staff.resolve import Doubt

MOST_ATTEMPTS = 8
"""After this many attempts the request fails, and the person is told that the provider does not
answer."""

_FIRST_ADDRESS_ONLY = "this provider sends a card to its first address only"
_NOT_TAKEN_BACK = (
    "The provider sends this card to its first address only, and does not take it back, for it is"
    " used or too old: it stays the person's reward, and none is ordered in its place."
)


class StaffActivities:
    """Sending cards again, and settling unknown outcomes, at one provider."""

    def __init__(self, lane: ProviderLane) -> None:
        self._lane = lane

    @activity.defn
    async def resend(self, request: StaffRequest) -> Step:
        """Send the card again. Where the provider cannot send to another address, cancel it and
        order a new one.

        Idempotent by the request's row; if an answer is lost the same card may be mailed twice,
        which costs nothing."""
        async with pulse(), self._lane.database.transaction() as tx:
            asked = await resending.prepare(tx, request)
        if isinstance(asked, Step):
            return asked
        async with pulse():
            return await self._resend(request, asked)

    async def _resend(self, request: StaffRequest, asked: Resend) -> Step:
        provider, attempt = self._lane.provider, activity.info().attempt
        anew = asked.elsewhere and not provider.capabilities.resends_elsewhere
        try:
            if anew:
                await self._take_back(request, asked)
            elif not isinstance(provider, Resends):
                raise OrderRejected("this provider cannot send a card again")
            else:
                await provider.resend(asked.provider_order_id, asked.email)
        except ProviderError as error:
            definite = isinstance(error, OrderRejected | ProviderMisconfigured)
            if not definite and attempt < MOST_ATTEMPTS:
                raise self._lane.again(error.detail, error.retry_after) from error
            async with self._lane.database.transaction() as tx:
                return await resending.record_refused(tx, request, attempt, error.detail)
        async with self._lane.database.transaction() as tx:
            if anew:
                carrier = self._lane.carrier
                return await readdress.record_taken_back(tx, request, attempt, carrier)
            step = await resending.record_resent(tx, request, attempt, self._lane.carrier)
        return step.model_copy(update={"after": self._lane.pace.first})

    async def _take_back(self, request: StaffRequest, asked: Resend) -> None:
        """Cancel the card, because its provider mails it to no other address.

        Safe to repeat after a lost answer: a cancelled card stays cancelled."""
        provider = self._lane.provider
        if not provider.capabilities.can_cancel or not isinstance(provider, Cancels):
            raise OrderRejected(_FIRST_ADDRESS_ONLY)
        async with self._lane.database.transaction() as tx:
            await readdress.note_address(tx, request)
        if not await provider.cancel(asked.provider_order_id):
            raise OrderRejected(_NOT_TAKEN_BACK)

    @activity.defn
    async def resolve(self, request: StaffRequest) -> Step:
        """Settle an unknown outcome as a person says, unless the provider shows otherwise.

        Idempotent by the request's row and the order's state."""
        async with pulse():
            async with self._lane.database.transaction() as tx:
                asked = await resolution.prepare(tx, request)
            match asked:
                case Busy(wait=wait):
                    raise self._lane.again("an attempt at the order may still be under way", wait)
                case Doubt():
                    last = activity.info().attempt >= MOST_ATTEMPTS
                    return await Resolution(self._lane, request, asked).run(last_attempt=last)
                case step:
                    return step
