"""Custom rewards: what is sent to whoever gives them, and the result.

A callout may be sent more than once, always under the grant's id, by which the receiver drops
repeats. Nothing is ordered, and no money of the campaign moves."""

from __future__ import annotations

from typing import NamedTuple

from pydantic_core import to_json

from domain.grants import AT_REST, Attention, GrantStatus
from domain.messages import Next, Step
from domain.rewards import CustomReward
from store.access import signing_secrets
from store.access.vault import Vault
from store.database import Transaction
from store.grants import attention
from store.grants.postings import fulfil
from store.grants.state import lock_grant, lock_referral, refresh_referral, set_status
from store.grants.stops import park_if_stopped
from store.tables import Customer, Grant


class Callout(NamedTuple):
    """One request to send. `message_id` is the same at every attempt; `secret` signs it."""

    grant_id: str
    message_id: str
    url: str
    secret: str
    body: bytes


async def begin(tx: Transaction, grant_id: str, vault: Vault, carrier: str) -> Callout | Step:
    """What to send for the grant, or else the next step. `carrier`: the workflow that handles it
    now."""
    grant = await lock_grant(tx, grant_id)
    if grant.status in AT_REST:
        return Step(next=Next.REST)
    grant.workflow_id = carrier
    if stopped := await park_if_stopped(tx, grant):
        return stopped
    await attention.clear_attention(tx, grant, GrantStatus.ORDERING)
    reward = CustomReward.model_validate(grant.reward)
    customer = await tx.session.get_one(Customer, grant.recipient_id)
    secret = await signing_secrets.open_secret(tx, reward.secret_id, vault)
    return Callout(
        grant.id, grant.posting_subject, reward.url, secret, _body(grant, reward, customer)
    )


def _body(grant: Grant, reward: CustomReward, customer: Customer) -> bytes:
    """The same bytes at each attempt, as long as the customer's `source_id` is unchanged."""
    return to_json(
        {
            "type": "reward.granted",
            "id": grant.posting_subject,
            "timestamp": grant.created_at.isoformat(),
            "data": {
                "grant_id": grant.id,
                "referral_id": grant.referral_id,
                "campaign_id": grant.campaign_id,
                "role": grant.role,
                "reason": grant.reason,
                "ordinal": grant.ordinal,
                "customer": {"id": customer.id, "source_id": customer.source_id},
                "reward": {"name": reward.name, "reward_id": reward.reward_id, "data": reward.data},
            },
        }
    )


async def record_delivered(tx: Transaction, grant_id: str, status: int, attempt: int) -> Step:
    """The receiver has accepted it."""
    grant = await lock_grant(tx, grant_id)
    if grant.status in AT_REST:
        return Step(next=Next.REST)
    referral = await lock_referral(tx, grant.referral_id)
    fulfil(tx, grant)
    set_status(tx, grant, GrantStatus.DELIVERED)
    _record(tx, grant, "grant.delivered", "Custom reward taken", f"HTTP {status}", attempt)
    await refresh_referral(tx, referral)
    return Step(next=Next.REST)


async def record_refused(tx: Transaction, grant_id: str, detail: str, attempt: int) -> Step:
    """The receiver refuses it, or its address may not be called: a person decides."""
    grant = await lock_grant(tx, grant_id)
    if grant.status in AT_REST:
        return Step(next=Next.REST)
    _record(tx, grant, "callout.refused", "Callout refused", detail, attempt)
    return await attention.park(tx, grant, Attention.CALLOUT_REFUSED, detail)


async def record_failed(tx: Transaction, grant_id: str, detail: str, attempt: int) -> None:
    """No usable answer: it is retried."""
    grant = await lock_grant(tx, grant_id)
    _record(tx, grant, "callout.failed", "Callout not answered; tried again", detail, attempt)


def _record(
    tx: Transaction, grant: Grant, type: str, title: str, detail: str, attempt: int
) -> None:
    tx.record(type, title, detail=detail, source="provider", attempt=attempt, **grant.event_ids)
