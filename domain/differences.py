"""The differences between two versions of a campaign's terms, member by member and in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, Field

from domain.campaigns import CampaignTerms, Tier
from domain.rewards import reward_of

NOT_FOR_WAITING = frozenset({"attribution_window", "code_config"})
"""Differences that a move does not apply to waiting referrals: they keep the end of their window,
which their workflow waits for; existing codes keep their form."""


class Difference(BaseModel):
    """One member that changed. `words` is for people; `before` and `after` for programs, null if
    the member did not exist then."""

    member: str = Field(examples=["hold"])
    before: Any = Field(default=None, examples=["PT0S"])
    after: Any = Field(default=None, examples=["P14D"])
    words: str = Field(examples=["hold: PT0S becomes P14D"])
    for_waiting: bool = True
    """Whether it affects waiting referrals when they are moved."""


def differences(before: CampaignTerms, after: CampaignTerms) -> list[Difference]:
    """All differences, in the terms' order."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    found: list[Difference] = []
    for name in CampaignTerms.model_fields:
        if name == "tiers":
            found += _tiers(before.tiers, after.tiers)
        elif isinstance(new[name], dict) and isinstance(old[name], dict) and name != _REFEREE:
            found += _members(name, old[name], new[name])
        else:
            found += _member(name, old[name], new[name])
    return found


_REFEREE = "referee_reward"


def _members(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    for member in sorted(old.keys() | new.keys()):
        yield from _member(f"{name}.{member}", old.get(member), new.get(member))


def _member(name: str, old: Any, new: Any) -> Iterator[Difference]:
    if old != new:
        yield Difference(
            member=name,
            before=old,
            after=new,
            words=f"{name.replace('_', ' ')}: {_said(old)} becomes {_said(new)}",
            for_waiting=name.partition(".")[0] not in NOT_FOR_WAITING,
        )


def _tiers(before: tuple[Tier, ...], after: tuple[Tier, ...]) -> Iterator[Difference]:
    old, new = {tier.id: tier for tier in before}, {tier.id: tier for tier in after}
    for id in [*old, *(id for id in new if id not in old)]:
        was, now = old.get(id), new.get(id)
        if was and now:
            yield from _tier(was, now)
        elif was:
            words = f"tier {was.name!r} ends: {was.reward.words}"
            yield Difference(member=f"tiers.{id}", before=_document(was), words=words)
        elif now:
            words = f"tier {now.name!r} is new: {now.reward.words}"
            yield Difference(member=f"tiers.{id}", after=_document(now), words=words)


def _tier(was: Tier, now: Tier) -> Iterator[Difference]:
    old, new = _document(was), _document(now)
    for member in Tier.model_fields:
        for one in _member(member, old[member], new[member]):
            words = f"tier {was.name!r}: {one.words}"
            yield one.model_copy(update={"member": f"tiers.{was.id}.{member}", "words": words})


def _document(tier: Tier) -> dict[str, Any]:
    return tier.model_dump(mode="json")


def _said(value: Any) -> str:
    match value:
        case None:
            return "none"
        case {"kind": _}:
            return _reward(value)
        case {"amount": amount, "currency": currency}:
            return f"{amount} {currency} (minor units)"
        case dict() | list():
            return "another" if value else "none"
        case _:
            return str(value)


def _reward(document: dict[str, Any]) -> str:
    reward = reward_of(document)
    depends = ", by the person" if document.get("amount_by") else ""
    return f"{reward.words}{depends}"
