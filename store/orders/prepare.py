"""Freezes a purchase: key, contents and recipient are stored before a byte is sent."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime, timedelta
from typing import Any

from domain.fraud import Hit, late_verdict
from domain.grants import ACT_WITHIN, GrantStatus
from domain.ids import Prefix, new_id
from domain.messages import Next, Step
from domain.orders import OrderRequest, OrderState, Recipient, order_key
from domain.rewards import Delivery, GiftCard
from store.access.lasting_secret import key_for
from store.database import Transaction
from store.grants.order_keys import stem_of
from store.grants.state import lock_grant, lock_referral, refresh_referral, set_status
from store.tables import Customer, Grant, Order


def missing(delivery: Delivery, customer: Customer, after: Order | None = None) -> str | None:
    """What this delivery needs and the customer lacks, in words. `after`: the previous order."""
    match delivery:
        case Delivery.EMAIL if not (corrected(customer, after) or customer.email):
            return "The customer has no e-mail address."
        case Delivery.SMS if not customer.phone:
            return "The customer has no phone number."
        case Delivery.POST if not (customer.address or {}).get("line_1"):
            return "The customer has no postal address."
        case _:
            return None


def corrected(customer: Customer, after: Order | None) -> str | None:
    """The e-mail address that staff gave for this reward, if it applies: after a refusal there, the
    customer's own address is used once it has been corrected since."""
    if after is None or after.resent_to is None:
        return None
    recipient = (after.request or {}).get("recipient") or {}
    went_there = recipient.get("email") == after.resent_to
    changed = customer.updated_at is not None and customer.updated_at > after.created_at
    return None if went_there and changed else after.resent_to


async def prepare(
    tx: Transaction,
    grant: Grant,
    reward: GiftCard,
    customer: Customer,
    *,
    after: Order | None,
    hooks: str,
) -> Order:
    """Freeze the purchase. A second generation follows only an order that ended for good."""
    generation = after.generation + 1 if after else 1
    key = order_key(stem_of(grant), generation)
    token, given = await hook_token(tx, key), corrected(customer, after)
    request = OrderRequest(
        key=key,
        product_id=reward.product_id,
        face=reward.face,
        delivery=reward.delivery,
        recipient=Recipient(
            name=customer.name,
            email=given or customer.email,
            phone=customer.phone,
            address=customer.address,
        ),
        personalization=reward.personalization,
        callback_url=f"{hooks}/hooks/{reward.provider}/{token}",
    )
    return Order(
        id=new_id(Prefix.ORDER),
        grant_id=grant.id,
        provider=reward.provider,
        key=request.key,
        generation=generation,
        fingerprint=request.fingerprint(),
        request=request.model_dump(mode="json"),
        hook_token=token,
        face_amount=reward.amount,
        currency=reward.currency,
        resent_to=given,
        created_at=tx.now,
    )


async def hook_token(tx: Transaction, key: str) -> str:
    """Cannot be guessed, and is the same in a restored database: the provider keeps using the
    address that it got with the order."""
    digest = hmac.digest(await key_for(tx, "hook tokens"), key.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def claimed(order: Order, at: datetime, lifetime: timedelta, *, follows: bool) -> dict[str, Any]:
    """A new order's row, written down and claimed by one statement at that time, the database's."""
    return order.model_dump() | {
        "attempt": 1,
        "claimed_until": at + lifetime,
        "followed_until": at + lifetime if follows else None,
        "first_sent_at": at,
        # From here on the card may exist, whatever happens to this process.
        "state": OrderState.UNKNOWN,
    }


async def send_to_review(tx: Transaction, grant: Grant, hits: list[Hit]) -> Step:
    """Nothing is ordered before somebody has looked at both sides. The caller holds the grant."""
    await tx.session.flush()
    referral = await lock_referral(tx, grant.referral_id)
    verdicts = [late_verdict(hit, grant.role) for hit in sorted(hits)]
    words = " ".join(verdict.detail for verdict in verdicts)
    grant.review = True
    set_status(tx, grant, GrantStatus.IN_REVIEW, due_at=tx.now + ACT_WITHIN)
    checks = {verdict.check for verdict in verdicts}
    kept = [one for one in referral.verdicts if one["check"] not in checks]
    referral.verdicts = kept + [verdict.model_dump(mode="json") for verdict in verdicts]
    referral.reason = f"Flagged: {words}"
    tx.record(
        "grant.in_review",
        "Waits for a person's decision: the recipient has changed",
        detail=words,
        data={"shared": [hit._asdict() for hit in sorted(hits)]},
        **grant.event_ids,
    )
    await refresh_referral(tx, referral)
    return Step(next=Next.REVIEW)


async def take_next(tx: Transaction, grant_id: str, refusal: str) -> Step | None:
    """Make the reward's next alternative the grant's reward, to be ordered as a new generation;
    None when there is none. Call it in the transaction that records the refusal."""
    grant = await lock_grant(tx, grant_id)
    card = GiftCard.model_validate(grant.reward)
    other = card.instead()
    if other is None:
        return None
    grant.reward, grant.updated_at = other.model_dump(mode="json"), tx.now
    tx.record(
        "grant.alternative",
        f"{other.product_id} of {other.provider} is ordered instead of {card.product_id}",
        detail=f"{card.provider}: {refusal}",
        data={"provider": other.provider, "product_id": other.product_id},
        **grant.event_ids,
    )
    return Step(next=Next.ORDER, provider=other.provider)
