"""Builders for what happens to an order: claims, a provider's words, and recording them."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

from domain.messages import Step
from domain.orders import ClaimSecret, DeliveryState, OrderSnapshot, OrderState
from store.access.vault import Vault
from store.database import Database
from store.orders import attempts
from store.orders.attempts import Attempt, Busy
from store.orders.delivery import Pace, record_snapshot
from tests.builders import PROVIDER

HOOKS = "https://guerdon.example"
CARRIER = "referral:camp_x:cust_x"
LIFETIME = timedelta(seconds=30)
PROBE_EVERY = timedelta(minutes=10)
PACE = Pace(first=timedelta(seconds=1), longest=timedelta(hours=1), overdue=timedelta(days=7))
VAULT = Vault(f"k1:{base64.b64encode(bytes(range(32))).decode()}")
SECRET = ClaimSecret(link="https://claim.example/s3cr3t", challenge_answer="pin-4711")


async def claim(
    database: Database, grant_id: str, lifetime: timedelta = LIFETIME
) -> Attempt | Busy | Step:
    """Claim the grant's order in a transaction of its own."""
    async with database.transaction() as tx:
        return await attempts.claim(
            tx,
            PROVIDER,
            grant_id,
            lifetime=lifetime,
            probe_every=PROBE_EVERY,
            hooks=HOOKS,
            carrier=CARRIER,
        )


async def attempt(database: Database, grant_id: str, lifetime: timedelta = LIFETIME) -> Attempt:
    """The same, where nothing stands in the way."""
    claimed = await claim(database, grant_id, lifetime)
    assert isinstance(claimed, Attempt), claimed
    return claimed


def snapshot(of: Attempt, state: OrderState = OrderState.ISSUED, **changes: Any) -> OrderSnapshot:
    """What a provider says of the order. Issued means sent, as at GiftCard Partners."""
    issued = state is OrderState.ISSUED
    given: dict[str, Any] = {
        "provider_order_id": f"provider-{of.order_id}",
        "key": of.request.key,
        "state": state,
        "delivery": DeliveryState.SENT if issued else DeliveryState.PENDING,
        "raw_status": str(state).title(),
        "face": of.request.face,
    }
    return OrderSnapshot(**given | changes)


async def record(
    database: Database,
    order_id: str,
    said: OrderSnapshot,
    *,
    signals_delivery: bool = False,
    pace: Pace = PACE,
) -> Step:
    """Record it in a transaction of its own."""
    async with database.transaction() as tx:
        return await record_snapshot(
            tx,
            order_id,
            said,
            vault=VAULT,
            pace=pace,
            signals_delivery=signals_delivery,
            carrier=CARRIER,
        )


async def deliver(database: Database, grant_id: str) -> Attempt:
    """Carry the grant to its delivered card."""
    claimed = await attempt(database, grant_id)
    await record(database, claimed.order_id, snapshot(claimed))
    return claimed
