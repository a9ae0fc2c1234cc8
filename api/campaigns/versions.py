"""A campaign's versions, and moving waiting referrals from one to another."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, Field, model_validator

from api.campaigns.schemas import ReferralProgram
from api.http.access import READERS, Calling
from api.http.fields import Strict, with_examples
from api.http.ids import CampaignId
from api.http.lists import Listed, Windowed
from api.http.parameters import CampaignPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.differences import Difference
from domain.roles import Role
from store.campaigns import move_referrals as relocation
from store.campaigns import version_queries as reading
from store.campaigns.move_referrals import Preview
from store.campaigns.version_queries import VersionRead
from store.tables import TermsMove

router = GuardedRouter("/v1/campaigns/{campaign_id}", "Terms and versions")


Version = Annotated[int, Field(ge=1, le=1_000_000)]
"""The number of a campaign's terms."""


class VersionAnswer(BaseModel):
    """One version of a campaign's terms. It never changes."""

    object: Literal["campaign_version"] = "campaign_version"
    campaign_id: CampaignId
    version: int
    current: bool
    """New referrals begin under it."""
    referrals: int = Field(description="How many began under it, or were moved to it.")
    waiting: int = Field(
        description="How many of these wait for their conversion event.", examples=[0]
    )
    referral_program: ReferralProgram
    differences: list[Difference]
    """From the version before it; empty for the first."""
    created_at: datetime

    @classmethod
    def of(cls, read: VersionRead) -> VersionAnswer:
        return cls(
            referral_program=ReferralProgram.of(read.terms),
            **read._asdict() | {"terms": None},
        )


class VersionList(Listed[VersionAnswer]):
    """Versions of a campaign's terms."""


class OriginAnswer(BaseModel):
    """A version that referrals leave: how many, and what changes for them."""

    version: int
    referrals: int
    differences: list[Difference]


class MoveAnswer(BaseModel):
    """A move: shown only (`done_at` null), or done."""

    object: Literal["terms_move"] = "terms_move"
    id: str = Field(examples=["move_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    token: str = Field(
        description="Sent back, it does what was shown.",
        examples=["move_01jd3v5q8g6w2x4y7z9a1b3c5d"],
    )
    campaign_id: CampaignId
    to_version: int = Field(examples=[2])
    shown: dict[str, int] = Field(
        description="Waiting referrals by version, when it was shown.", examples=[{"1": 200}]
    )
    shown_at: datetime
    origins: list[OriginAnswer] | None = Field(default=None, examples=[None])
    """In the preview: what would change, by version."""
    moved: int = Field(examples=[200])
    left: int = Field(
        description="Shown, and not moved: they had converted or ended meanwhile, or wait for it.",
        examples=[0],
    )
    actor: str | None = Field(examples=["key app_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    reason: str | None = Field(examples=["Announced by mail on 1 December"])
    done_at: datetime | None = Field(examples=["2026-11-20T09:30:04Z"])

    @classmethod
    def of(cls, move: TermsMove, preview: Preview | None = None) -> MoveAnswer:
        origins = preview and [OriginAnswer(**origin._asdict()) for origin in preview.origins]
        members = move.model_dump(exclude={"shown_to", "started_at"})
        left = sum(move.shown.values()) - move.moved
        return cls(token=move.id, origins=origins, left=left, **members)


class MoveList(Listed[MoveAnswer]):
    """Moves of a campaign's referrals."""


class MoveIn(Strict):
    """First `{"dry_run": true}`: the answer says what would change for how many, and has a
    `token`. Then that token, with the reason for the record."""

    model_config = with_examples(
        {"dry_run": True, "from_versions": [1]},
        {
            "token": "move_01jd3v5q8g6w2x4y7z9a1b3c5d",
            "reason": "Announced by mail on 1 December",
        },
    )

    dry_run: bool = False
    from_versions: list[Version] | None = Field(
        default=None, min_length=1, max_length=100, description="Left out: all others."
    )
    token: str | None = Field(default=None, max_length=64)
    reason: str | None = Field(
        default=None, min_length=1, max_length=500, description="No personal data: it is kept."
    )

    @model_validator(mode="after")
    def _is_shown_first(self) -> MoveIn:
        if self.dry_run and self.token:
            raise ValueError("dry_run shows; token does what was shown: give one of them")
        if not self.dry_run and not (self.token and self.reason):
            raise ValueError("give dry_run, or the token of a preview and a reason")
        if self.token and self.from_versions:
            raise ValueError("from_versions belongs to the preview")
        return self


@router.get("/versions", "resource_not_found", roles=READERS)
async def list_versions(campaign_id: CampaignPath, held: Held, window: Windowed) -> VersionList:
    """Every version of the campaign's terms, newest first. `starting_after_id` is a version."""
    found, total, has_more = await held.database.read(reading.page, campaign_id, window)
    data = [VersionAnswer.of(read) for read in found]
    return VersionList(data=data, total=total, has_more=has_more)


@router.post(
    "/versions/{version}/move", "resource_not_found", "not_allowed_in_state", roles=[Role.ADMIN]
)
async def move_referrals(
    campaign_id: CampaignPath,
    version: Annotated[Version, Path(description="The version's number, from 1.")],
    body: MoveIn,
    caller: Calling,
    held: Held,
) -> MoveAnswer:
    """Move referrals that wait under other versions to this one. Each keeps the end of its window;
    those that have converted keep their terms. Nobody who was not shown is moved."""
    if body.token and body.reason:
        done = await relocation.carry_out(
            held.database, campaign_id, version, body.token, actor=caller.actor, reason=body.reason
        )
        return MoveAnswer.of(done)
    async with held.database.transaction() as tx:
        shown = await relocation.preview(
            tx, campaign_id, version, body.from_versions, actor=caller.actor
        )
    return MoveAnswer.of(shown.move, shown)


@router.get("/moves", "resource_not_found", roles=READERS)
async def list_moves(campaign_id: CampaignPath, held: Held, window: Windowed) -> MoveList:
    """Moves that were done, newest first: who, why, from where, how many."""
    found, page = await held.database.read(reading.moves, campaign_id, window)
    return MoveList.of([MoveAnswer.of(move) for move in found], page)
