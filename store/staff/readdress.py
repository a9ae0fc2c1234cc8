"""For cards that the provider only mails to the first address: cancels the card, and orders another
one to the corrected address.

The corrected address is stored before the provider is asked, so that the new generation goes there,
also after a crash."""

from __future__ import annotations

from domain.messages import StaffRequest, Step
from store.database import Transaction
from store.reversals import take_back_card
from store.staff import requests
from store.staff.cancel import event_details
from store.staff.resend import lock_latest
from store.tables import StaffAction

_WHY = "Taken back, to be ordered anew to the corrected address."


async def note_address(tx: Transaction, request: StaffRequest) -> None:
    """Store the address for the next generation of this grant, if there will be one."""
    _, order = await lock_latest(tx, request.grant_id)
    if asked := await tx.session.get(StaffAction, request.request_id):
        order.resent_to = asked.email


async def record_taken_back(
    tx: Transaction, request: StaffRequest, attempt: int, carrier: str
) -> Step:
    """The provider has confirmed the cancellation: the order ends, its value is in our deposit
    again, and the grant is ordered anew. Idempotent by the request's row and the order's state."""
    grant, order = await lock_latest(tx, request.grant_id)
    asked = await requests.begin(tx, request.request_id)
    if asked is None:
        return requests.step_of(grant, order)
    grant.workflow_id = carrier
    facts = event_details(request, asked)
    where = "This provider sends a card to its first address only"
    facts["detail"] = f"{where}: {asked.reason}" if asked.reason else f"{where}."
    title = "Taken back and ordered anew to a corrected address, as staff asked"
    tx.record(
        "grant.readdressed", title, attempt=attempt, order_id=order.id, **facts, **grant.event_ids
    )
    # The following code reads both rows anew.
    await tx.session.flush()
    return await take_back_card.record_taken_back(tx, request.grant_id, _WHY)
