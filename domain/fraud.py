"""What a campaign does about people who seem to refer themselves.

A referrer's own code is always refused; everything else is the campaign's choice."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from domain.identity import Particular, matches
from domain.verdict import Verdict


class Response(StrEnum):
    """What a hit leads to."""

    REFUSE = "refuse"
    """The conversion does not count."""
    FLAG = "flag"
    """It counts; under `review: flagged` a person decides about its rewards first. Without a review
    nobody would see the flag, so it is not checked."""
    OFF = "off"
    """Not checked."""


class Burst(BaseModel):
    """A burst is more than `conversions` conversions of one code within `within`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    conversions: int = Field(default=50, ge=1, le=1_000_000)
    within: timedelta = Field(
        default=timedelta(hours=1), gt=timedelta(0), le=timedelta(days=31), examples=["PT1H"]
    )
    response: Response = Response.FLAG


class FraudChecks(BaseModel):
    """The checks, and what each leads to. "Same" means: as the referrer's, or as that of a friend
    who already counted in this campaign."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    same_email: Response = Field(
        default=Response.REFUSE, description="Without case, +tag, and dots that Gmail ignores."
    )
    same_phone: Response = Response.FLAG
    same_address: Response = Response.FLAG
    disposable_email: Response = Response.FLAG
    same_order: Response = Field(
        default=Response.REFUSE,
        description="An order that converted another friend in this campaign, by any of its ids. "
        "Off for split orders and marketplaces.",
    )
    burst: Burst = Burst()
    shared: tuple[str, ...] = Field(
        default=(),
        max_length=100,
        description="What many people share and nobody is told apart by, with `*` and `?`: the "
        "addresses of a relay, a company's phone number or front desk.",
        examples=[["*@relay.example.com", "+1 217 555 0100", "1 Main Street*"]],
    )

    def counts(self, particular: Particular) -> bool:
        """Whether this kind is checked in this campaign, and the value is not listed as shared by
        many people."""
        if self.response(particular.kind) is Response.OFF:
            return False
        return not any(matches(particular, pattern) for pattern in self.shared)

    def response(self, kind: str) -> Response:
        """The response to a shared e-mail address, phone number or postal address."""
        return Response(getattr(self, f"same_{kind}"))

    @staticmethod
    def makes(response: Response, looked: bool) -> bool:
        """Whether a check is made at all: a flag is only useful if somebody looks at it."""
        return response is Response.REFUSE or (response is Response.FLAG and looked)


class Hit(NamedTuple):
    """Two people share something of this kind. `customer_id` is the other one, not the one being
    judged."""

    kind: str
    customer_id: str
    other_id: str

    @property
    def numbers(self) -> dict[str, Any]:
        """Both sides, for the person who decides."""
        return {"customer_id": self.customer_id, "same_as": self.other_id}


class Likeness(BaseModel):
    """What is known when a conversion is judged: what both sides share with each other or with an
    earlier friend, and how many conversions the code had lately."""

    with_referrer: dict[str, Hit] = {}
    """By kind."""
    with_others: dict[str, Hit] = {}
    disposable_email: bool = False
    lately: int | None = None


_KINDS = {"email": "e-mail address", "phone": "phone number", "address": "postal address"}


def fraud_verdicts(checks: FraudChecks, likeness: Likeness, *, looked: bool) -> list[Verdict]:
    """One verdict per check. `looked`: a person will look at flags; otherwise only refusing checks
    are made."""
    verdicts = [
        _verdict(f"same_{kind}", checks.response(kind), *_shared(kind, likeness))
        for kind in _KINDS
        if checks.makes(checks.response(kind), looked)
    ]
    if checks.makes(checks.disposable_email, looked):
        hit = "The friend's e-mail address is a throw-away one."
        words = hit if likeness.disposable_email else "The friend's mailbox is no throw-away one."
        verdicts.append(
            _verdict(
                "disposable_email", checks.disposable_email, likeness.disposable_email, words, {}
            )
        )
    if likeness.lately is not None:
        verdicts.append(_burst(checks.burst, likeness.lately))
    return verdicts


def late_verdict(hit: Hit, role: str) -> Verdict:
    """The verdict on something that a recipient took on after the conversion was judged: whatever
    the terms say, a person decides. `role`: referee or referrer."""
    return Verdict(
        check=f"same_{hit.kind}",
        passed=True,
        flagged=True,
        detail=f"Since the conversion, the {_ROLES[role]} has the {_KINDS[hit.kind]} of somebody "
        "else in this campaign.",
        numbers=hit.numbers,
    )


_ROLES = {"referee": "friend", "referrer": "referrer"}


def _shared(kind: str, likeness: Likeness) -> tuple[bool, str, dict[str, Any]]:
    what = _KINDS[kind]
    if hit := likeness.with_referrer.get(kind):
        return True, f"The friend has, or had, the referrer's {what}.", hit.numbers
    if hit := likeness.with_others.get(kind):
        return True, f"A friend with this {what} counted in this campaign before.", hit.numbers
    return False, f"Nobody else here has the friend's {what}.", {}


def _burst(burst: Burst, lately: int) -> Verdict:
    words = f"{lately} conversions of this code within {burst.within}, at most {burst.conversions}."
    numbers = {
        "limit": burst.conversions,
        "after": lately,
        "within_seconds": burst.within.total_seconds(),
    }
    return _verdict("burst", burst.response, lately > burst.conversions, words, numbers)


def _verdict(
    check: str, response: Response, hit: bool, words: str, numbers: dict[str, Any]
) -> Verdict:
    return Verdict(
        check=check,
        passed=not (hit and response is Response.REFUSE),
        flagged=hit and response is Response.FLAG,
        detail=words,
        numbers=numbers,
    )
