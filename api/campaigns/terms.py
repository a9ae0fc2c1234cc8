"""From a body to a campaign's terms: what is given, laid over what was.

A creation lays it over nothing, so that the terms' own defaults remain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from api.campaigns.codes import VoucherIn
from api.campaigns.program import (
    AudienceIn,
    FraudIn,
    ProgramChangeIn,
    TierChangeIn,
    TierIn,
    WindowsIn,
)
from api.http.fields import first_error
from api.rewards.definitions import Making
from api.rewards.kinds import KindIn, ReferenceIn
from domain.audience import Audience
from domain.campaigns import CampaignTerms, Criterion, Tier
from domain.ids import Prefix, new_id
from domain.refusals import InvalidPayload
from domain.windows import Windows
from store.database import Transaction
from store.eligibility.segments import must_exist

PROGRAM = "/referral_program"
_PATTERN = "/voucher/code_config/pattern"
_SAME_NAME = (
    "attribution_window",
    "hold",
    "review",
    "when_referrer_full",
    "free_orders",
    "remainder",
)


def rewards_in(program: ProgramChangeIn | None) -> Iterator[KindIn | ReferenceIn | None]:
    """Every reward that a body gives."""
    if program:
        yield program.referee_reward
        yield from (tier.reward for tier in program.tiers or [])


def document_of(terms: CampaignTerms | None) -> dict[str, Any]:
    """The terms' members, to lay others over."""
    return dict(terms) if terms else {}


def to_terms(document: dict[str, Any], field: str = PROGRAM) -> CampaignTerms:
    """Raises InvalidPayload for terms that contradict each other."""
    try:
        terms = CampaignTerms(**document)
    except ValidationError as error:
        raise InvalidPayload(first_error(error), field=field) from None
    if terms.code_config.combinations < 2:
        raise InvalidPayload("The pattern makes too few codes.", field=_PATTERN)
    return terms


def lay_program(
    document: dict[str, Any], given: ProgramChangeIn, making: Making, currency: str
) -> None:
    """What the body's `referral_program` says."""
    simple = given.model_dump(include=set(_SAME_NAME), exclude_none=True)
    document.update(simple)
    if given.conversion_event_type:
        document["conversion"] = given.conversion_event_type
        document["event_name"] = None
    if given.custom_event:
        document["event_name"] = given.custom_event.name
    if given.referee_reward:
        document["referee_reward"] = making.make(given.referee_reward, f"{PROGRAM}/referee_reward")
    if given.tiers is not None:
        document["tiers"] = _tiers(given.tiers, document.get("tiers", ()), making)
    if given.limits:
        limits = given.limits.model_dump(exclude_none=True)
        if "budget" in limits:
            limits["budget"].setdefault("currency", currency)
        document["limits"] = dict(document.get("limits", {})) | limits
    lay_checks(document, given.audience, given.fraud)


def lay_voucher(document: dict[str, Any], given: VoucherIn) -> None:
    """What the body's `voucher` says."""
    if given.discount:
        document["discount"] = given.discount.model_dump(exclude={"effect"})
    if given.redemption.quantity:
        document["code_quantity"] = given.redemption.quantity
    config = given.code_config.model_dump(exclude_none=True, exclude={"initial_count"})
    document["code_config"] = dict(document.get("code_config", {})) | config


def _tiers(given: list[TierIn], known: tuple[Tier, ...], making: Making) -> list[Tier]:
    by_id = {tier.id: tier for tier in known}
    claimed = {tier.id for tier in given}
    by_name = {tier.name: tier.id for tier in known if tier.id not in claimed}
    tiers = []
    for index, tier in enumerate(given):
        field = f"{PROGRAM}/tiers/{index}"
        if tier.id and tier.id not in by_id:
            raise InvalidPayload(f"The campaign has no tier {tier.id!r}.", field=f"{field}/id")
        id = tier.id or by_name.pop(tier.name, None) or new_id(Prefix.TIER)
        tiers.append(tier_of({"id": id}, tier, making, field))
    return tiers


def tier_of(
    document: dict[str, Any],
    given: TierChangeIn,
    making: Making,
    field: str = "",
    whole: str = PROGRAM,
) -> Tier:
    """A tier: what is given, laid over `document`. Raises InvalidPayload at its reward, below
    `field`, or at `whole` for members that contradict each other."""
    members = document | dict.fromkeys(given.unset)
    if given.criterion is Criterion.EACH_UNIQUE_REFEREE:
        members.pop("threshold", None)
    members |= given.model_dump(exclude={"id", "reward", "unset"}, exclude_none=True)
    if given.reward:
        members["reward"] = making.make(given.reward, f"{field}/reward")
    try:
        return Tier(**members)
    except ValidationError as error:
        raise InvalidPayload(first_error(error), field=whole) from None


def lay_windows(document: dict[str, Any], given: WindowsIn) -> None:
    """What the body says of weekdays, hours and periods. Raises InvalidPayload."""
    said = {
        "timezone": given.timezone,
        "timeframe": given.validity_timeframe and given.validity_timeframe.model_dump(),
        "days_of_week": given.validity_day_of_week,
        "hours": given.validity_hours,
    }
    kept = dict(document.get("windows", Windows()))
    kept |= {name: value for name, value in said.items() if value is not None}
    try:
        document["windows"] = Windows.model_validate(kept)
    except ValidationError as error:
        raise InvalidPayload(first_error(error), field="/validity_hours") from None


def lay_checks(
    document: dict[str, Any], audience: AudienceIn | None, fraud: FraudIn | None
) -> None:
    """What the body's `referral_program` says of audiences and fraud."""
    if audience:
        kept = dict(document.get("audience", {}))
        document["audience"] = kept | audience.model_dump(exclude_none=True)
    if fraud:
        given = fraud.model_dump(exclude_none=True)
        kept = dict(document.get("fraud", {}))
        if "burst" in given:
            given["burst"] = dict(kept.get("burst", {})) | given["burst"]
        document["fraud"] = kept | given


async def must_be_known(tx: Transaction, terms: CampaignTerms) -> None:
    """Raises NotFound for a segment that an audience names and nobody made."""
    for party in ("referrers", "referees"):
        audience: Audience = getattr(terms.audience, party)
        named = (*audience.segments, *audience.excluded_segments)
        await must_exist(tx, named, f"/referral_program/audience/{party}")
