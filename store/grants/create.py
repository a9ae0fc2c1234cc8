"""What a conversion earns: grants, their events and postings, and the workflow's tasks for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlmodel import col

from domain.amounts import Traits
from domain.campaigns import CampaignTerms, Review
from domain.grants import ACT_WITHIN, REFEREE_REASON, GrantStatus
from domain.ids import Prefix, new_id
from domain.messages import GrantTask
from domain.rewards import GiftCard, Reward, Sized, reward_of
from domain.tiers import Reached
from store.database import Transaction
from store.eligibility.segments import segments_of
from store.grants.postings import promise
from store.tables import Customer, Grant, Referral


async def traits_of(tx: Transaction, terms: CampaignTerms, referral: Referral) -> dict[str, Traits]:
    """The customer data that amounts depend on, for both people; not read if no amount depends on
    any."""
    if not any(isinstance(reward, Sized) and reward.amount_by for reward in terms.rewards()):
        return {}
    parties = [referral.referee_id, referral.referrer_id]
    found = await tx.session.execute(
        select(col(Customer.id), col(Customer.attributes)).where(col(Customer.id).in_(parties))
    )
    among = [
        segment
        for reward in terms.rewards()
        if isinstance(reward, Sized) and reward.amount_by and reward.amount_by.segment
        for segment in reward.amount_by.values
    ]
    return {
        id: Traits(attributes, await segments_of(tx, id, attributes, among))
        for id, attributes in found.all()
    }


def earned(
    referral: Referral,
    terms: CampaignTerms,
    tiers: Iterable[Reached],
    now: datetime,
    traits: Mapping[str, Traits],
) -> list[Grant]:
    """A conversion's grants: the referee's, then those of the `tiers` that it reaches. Amounts that
    depend on the person are fixed here."""

    def grant(reward: Reward, reason: str, role: str, ordinal: int) -> Grant:
        recipient = referral.referee_id if role == "referee" else referral.referrer_id
        if recipient in traits:
            reward = reward.settled(traits[recipient])
        return _grant(referral, terms, reward, reason, role, ordinal, now)

    grants = []
    if terms.referee_reward:
        grants.append(grant(terms.referee_reward, REFEREE_REASON, "referee", 1))
    for tier, ordinal, friends in tiers:
        grants.append(grant(tier.reward, tier.id, "referrer", ordinal))
        grants[-1].friends_counted = friends
    return grants


def _grant(
    referral: Referral,
    terms: CampaignTerms,
    reward: Reward,
    reason: str,
    role: str,
    ordinal: int,
    now: datetime,
) -> Grant:
    hold, face = terms.hold, reward.face
    grant = Grant(
        id=new_id(Prefix.GRANT),
        referral_id=referral.id,
        campaign_id=referral.campaign_id,
        reason=reason,
        recipient_id=referral.referee_id if role == "referee" else referral.referrer_id,
        ordinal=ordinal,
        role=role,
        kind=reward.kind,
        reward=reward.model_dump(mode="json"),
        amount=reward.quantity,
        currency=face.currency if face else None,
        status=GrantStatus.HELD if hold else GrantStatus.ORDERING,
        due_at=_bought_at(referral, now) + hold if hold else None,
        workflow_id=referral.workflow_id,
        created_at=now,
    )
    if terms.review is Review.ALL:
        send_to_review(grant, now)
    return grant


def _bought_at(referral: Referral, now: datetime) -> datetime:
    """When its return window begins: again, if the order was bought after all."""
    if referral.round and referral.conversion:
        return datetime.fromisoformat(referral.conversion["received_at"])
    return referral.converted_at or now


def send_to_review(grant: Grant, now: datetime) -> None:
    """Have a person decide before the grant is ordered, once its hold is over."""
    grant.review = True
    if grant.status == GrantStatus.ORDERING:
        grant.status, grant.due_at = GrantStatus.IN_REVIEW, now + ACT_WITHIN


def record_grant(tx: Transaction, grant: Grant) -> None:
    """Record its event, and reserve its face value in the ledger."""
    reward = reward_of(grant.reward)
    held = f", held until {grant.due_at:%Y-%m-%d}" if grant.status == GrantStatus.HELD else ""
    reviewed = ", waits for a person's decision" if grant.review else ""
    tx.record(
        "grant.created",
        f"Reward granted to the {grant.role}",
        detail=f"{reward.words}{held}{reviewed}",
        **grant.event_ids,
    )
    if grant.status != GrantStatus.CANCELLED:
        promise(tx, grant)


def tasks_of(grants: Iterable[Grant]) -> list[GrantTask]:
    """In a fixed order, so that a repeat gives the same answer."""
    return [
        task_of(grant) for grant in sorted(grants, key=lambda grant: (grant.role, grant.reason))
    ]


def task_of(grant: Grant) -> GrantTask:
    """The task for its workflow."""
    reward = reward_of(grant.reward)
    held = grant.status == GrantStatus.HELD
    return GrantTask(
        grant_id=grant.id,
        provider=reward.provider if isinstance(reward, GiftCard) else None,
        kind=reward.kind,
        hold_until=grant.due_at if held else None,
        review=grant.review and grant.status in (GrantStatus.HELD, GrantStatus.IN_REVIEW),
    )
