"""What a campaign does about people who seem to refer themselves. A referrer's own code is always
refused; everything else is the campaign's choice."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Response(StrEnum):
    """What a hit leads to."""

    REFUSE = "refuse"
    """The conversion does not count."""
    FLAG = "flag"
    """It counts; under `review: flagged` a person decides about its rewards first."""
    OFF = "off"
    """Nobody looks."""


class Burst(BaseModel):
    """More than `conversions` of one code within `within`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    conversions: int = Field(default=50, ge=1, le=1_000_000)
    within: timedelta = Field(
        default=timedelta(hours=1), gt=timedelta(0), le=timedelta(days=31), examples=["PT1H"]
    )
    response: Response = Response.FLAG


class FraudChecks(BaseModel):
    """The checks, and what each leads to. "Same" as the referrer's, or as that of a friend who
    already counted in this campaign."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    same_email: Response = Field(
        default=Response.REFUSE, description="Without case, +tag, and dots that Gmail ignores."
    )
    same_phone: Response = Response.FLAG
    same_address: Response = Response.FLAG
    disposable_email: Response = Response.FLAG
    burst: Burst = Burst()
