"""The parts of a campaign's body that say who may use its codes, when, and what is checked."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from api.http.fields import Duration, Strict, first_error
from domain.audience import Audience
from domain.campaigns import CampaignTerms
from domain.fraud import Response
from domain.refusals import InvalidPayload
from domain.time_zones import ZoneName
from domain.windows import Hours, Weekdays, Windows
from store.database import Transaction
from store.eligibility.segments import must_exist

LAST_DAY = (
    "A day such as 2026-12-31 ends with that day, on the clocks of the campaign's `timezone`."
)


def _daily(given: Any) -> Any:
    """Voucherify wraps the hours into `daily`."""
    return given.get("daily", given) if isinstance(given, dict) else given


class TimeframeIn(Strict):
    """Open for `duration` at the beginning of each `interval`, from `start_date` on."""

    interval: Duration
    duration: Duration


class WindowsIn(Strict):
    """Voucherify's recurring limits, on the clocks of `timezone`."""

    timezone: ZoneName | None = Field(default=None, examples=["Europe/Berlin"])
    validity_timeframe: TimeframeIn | None = None
    validity_day_of_week: Weekdays | None = None
    validity_hours: Annotated[tuple[Hours, ...], BeforeValidator(_daily)] | None = Field(
        default=None,
        max_length=50,
        description='Voucherify\'s {"daily": […]}: adjoining, never overlapping.',
    )


class AudienceIn(Strict):
    """Who may share codes, and who may be a friend that counts."""

    referrers: Audience | None = None
    referees: Audience | None = None


class BurstIn(Strict):
    """More than `conversions` of one code within `within`."""

    conversions: int | None = Field(default=None, strict=True, ge=1, le=1_000_000)
    within: Duration | None = None
    response: Response | None = None


class FraudIn(Strict):
    """What each check leads to; one that is left out keeps its default."""

    same_email: Response | None = None
    same_phone: Response | None = None
    same_address: Response | None = None
    disposable_email: Response | None = None
    same_order: Response | None = None
    burst: BurstIn | None = None
    shared: list[Annotated[str, Field(min_length=1, max_length=254)]] | None = Field(
        default=None,
        max_length=100,
        description="What many people share and nobody is told apart by, with `*` and `?`: an "
        "e-mail address, a phone number, or a street with what follows.",
        examples=[["*@relay.example.com", "+1 217 555 0100", "1 Main Street*"]],
    )


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


def windows_answer(windows: Windows) -> dict[str, Any]:
    """The members that Voucherify answers, and the time zone."""
    frame, hours = windows.timeframe, [one.model_dump(mode="json") for one in windows.hours]
    return {
        "timezone": windows.timezone,
        "validity_timeframe": frame.model_dump(mode="json") if frame else None,
        "validity_day_of_week": list(windows.days_of_week) if windows.days_of_week else None,
        "validity_hours": {"daily": hours} if hours else None,
    }
