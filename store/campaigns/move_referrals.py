"""Moves waiting referrals to another version of their campaign's terms.

First a preview, then the move. It moves at most the referrals of the preview: those that convert or
expire meanwhile keep their terms, and new ones are not moved. It works in portions, one transaction
each, so that no row is locked for long; an interrupted move continues when it is requested again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlmodel import col

from domain.campaigns import CampaignTerms
from domain.differences import Difference, differences
from domain.ids import Prefix, new_id
from domain.referrals import ReferralStatus
from domain.refusals import InvalidPayload, NotAllowedInState, NotFound, existing
from store.campaigns.revise import lock
from store.database import Database, Transaction
from store.tables import Campaign, CampaignVersion, Referral, TermsMove
from store.terms import terms_of

PORTION = 5_000
"""Referrals moved in one transaction."""


class Origin(NamedTuple):
    """A version that referrals would leave: how many, and what changes for them."""

    version: int
    referrals: int
    differences: list[Difference]


class Preview(NamedTuple):
    """What a move would do."""

    move: TermsMove
    origins: list[Origin]


async def preview(
    tx: Transaction, ref: str, to_version: int, from_versions: Sequence[int] | None, *, actor: str
) -> Preview:
    """Count the waiting referrals by version, and say what would change. Stores the preview.

    Raises NotFound, and InvalidPayload for versions that cannot be moved from or to."""
    campaign = await lock(tx, ref)
    after = await _terms(tx, campaign, to_version)
    waiting = await _waiting(tx, campaign.id, to_version)
    versions = sorted(waiting) if from_versions is None else sorted(set(from_versions))
    origins = []
    for version in versions:
        if version == to_version:
            raise InvalidPayload("Nobody moves from a version to itself.", field="/from_versions")
        before = await _terms(tx, campaign, version, field="/from_versions")
        _must_convert_alike(before, after)
        origins.append(Origin(version, waiting.get(version, 0), differences(before, after)))
    move = TermsMove(
        id=new_id(Prefix.MOVE),
        campaign_id=campaign.id,
        to_version=to_version,
        shown={str(origin.version): origin.referrals for origin in origins},
        shown_at=tx.now,
        shown_to=actor,
    )
    tx.session.add(move)
    return Preview(move, origins)


async def carry_out(
    database: Database, ref: str, to_version: int, move_id: str, *, actor: str, reason: str
) -> TermsMove:
    """Move the previewed referrals; a repeat changes nothing.

    Raises NotFound for a token of another move, NotAllowedInState if a version has more referrals
    than in the preview."""
    async with database.transaction() as tx:
        move = await _begin(tx, ref, to_version, move_id, actor, reason)
    while move.done_at is None:
        async with database.transaction() as tx:
            move = await _move_portion(tx, move_id)
    return move


async def _begin(
    tx: Transaction, ref: str, to_version: int, move_id: str, actor: str, reason: str
) -> TermsMove:
    campaign = await lock(tx, ref)
    move = await _locked(tx, move_id)
    if move is None or (move.campaign_id, move.to_version) != (campaign.id, to_version):
        raise NotFound("preview", move_id, field="/token")
    if move.started_at is None:
        await _must_be_as_shown(tx, move)
        move.started_at, move.actor, move.reason = tx.now, actor, reason
    return move


async def _must_be_as_shown(tx: Transaction, move: TermsMove) -> None:
    waiting = await _waiting(tx, move.campaign_id, move.to_version)
    for version, shown in move.shown.items():
        if waiting.get(int(version), 0) > shown:
            raise NotAllowedInState(
                f"More referrals wait under version {version} than the preview showed. Ask again.",
                field="/token",
            )


# The events are inserted in the same statement as the change, whatever their number.
_MOVE = text(
    """
    WITH due AS (
        SELECT id, campaign_version FROM referrals
        WHERE campaign_id = :campaign AND status = :waiting AND campaign_version = ANY(:versions)
          AND created_at <= :shown_at
        ORDER BY id LIMIT :most FOR UPDATE
    ), moved AS (
        UPDATE referrals SET campaign_version = :version, updated_at = :now
        FROM due WHERE referrals.id = due.id
        RETURNING referrals.id, referrals.referee_id, due.campaign_version AS was
    ), told AS (
        INSERT INTO events
            (at, type, source, title, detail, actor, campaign_id, referral_id, customer_id, data)
        SELECT :now, 'referral.moved', 'staff', 'Moved to other terms of the campaign',
            'From version ' || was || ' to version ' || :to_words,
            :actor, :campaign, id, referee_id,
            jsonb_build_object('move_id', CAST(:move AS text), 'from', was,
                               'to', CAST(:version AS integer))
        FROM moved
    )
    SELECT count(*) FROM moved
    """
)


async def _move_portion(tx: Transaction, move_id: str) -> TermsMove:
    move = existing(await _locked(tx, move_id), "preview", move_id, field="/token")
    if move.done_at is not None:
        return move
    result = await tx.session.execute(
        _MOVE,
        {
            "campaign": move.campaign_id,
            "waiting": ReferralStatus.WAITING,
            "versions": [int(version) for version in move.shown],
            "shown_at": move.shown_at,
            "most": PORTION,
            "version": move.to_version,
            "to_words": str(move.to_version),
            "now": tx.now,
            "actor": move.actor,
            "move": move.id,
        },
    )
    moved = result.scalar_one()
    move.moved += moved
    if moved < PORTION:
        move.done_at = tx.now
        _record(tx, move)
    return move


def _record(tx: Transaction, move: TermsMove) -> None:
    tx.record(
        "campaign.referrals_moved",
        f"{move.moved} waiting referrals moved to version {move.to_version}",
        detail=move.reason,
        source="staff",
        actor=move.actor,
        campaign_id=move.campaign_id,
        data={"move_id": move.id, "shown": move.shown, "to": move.to_version, "moved": move.moved},
    )


async def _locked(tx: Transaction, move_id: str) -> TermsMove | None:
    statement = select(TermsMove).where(col(TermsMove.id) == move_id).with_for_update()
    return (await tx.session.scalars(statement)).one_or_none()


async def _waiting(tx: Transaction, campaign_id: str, to_version: int) -> dict[int, int]:
    """The number of waiting referrals under each other version."""
    found = await tx.session.execute(
        select(col(Referral.campaign_version), func.count())
        .where(
            col(Referral.campaign_id) == campaign_id,
            col(Referral.status) == ReferralStatus.WAITING,
            col(Referral.campaign_version) != to_version,
        )
        .group_by(col(Referral.campaign_version))
    )
    return {version: count for version, count in found}


async def _terms(
    tx: Transaction, campaign: Campaign, version: int, field: str | None = None
) -> CampaignTerms:
    if not await tx.session.get(CampaignVersion, (campaign.id, version)):
        if field:
            raise InvalidPayload(f"The campaign has no version {version}.", field=field)
        raise NotFound("version", str(version))
    return await terms_of(tx, campaign.id, version)


def _must_convert_alike(before: CampaignTerms, after: CampaignTerms) -> None:
    """Waiting referrals wait for one kind of event, which a move must not change."""
    if (before.conversion, before.event_name) != (after.conversion, after.event_name):
        raise NotAllowedInState("The two versions convert by different events.")
