"""Ideal API callers: if an answer is uncertain, they repeat the request under the same identity."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

from bench.proofs.chaos.programme import Friend

PAID = 40_00
"""The amount of a friend's order, if one is given."""
_OUT_OF_ORDER = "No usable answer, however often it was asked: the caller gave up."


def order_of(friend: Friend) -> dict[str, Any]:
    """The friend's purchase, under the shop's own number."""
    return {"source_id": f"{friend.event_id}-order", "amount": PAID, "currency": "USD"}


def _passes(answer: httpx.Response) -> bool:
    """A refusal that a later attempt may not meet: the first attempt still runs, or the campaign is
    paused."""
    return answer.json().get("key") in ("idempotency_in_progress", "campaign_not_live")


class GaveUp(Exception):
    """A caller got no usable answer; the message contains the last one."""


class TurnedAway(Exception):
    """The campaign's budget is spent, or its referrer's cap is full."""


_FULL = ("budget_exhausted", "redemption_rules_violated")


@dataclass
class Ledger:
    """What the callers know: each accepted friend's referral, and every refusal."""

    accepted: dict[int, str] = field(default_factory=dict)
    """Friend's number to referral id."""
    refused: dict[int, str] = field(default_factory=dict)
    turned_away: set[int] = field(default_factory=set)
    """Friends who came after their campaign's budget or cap was used up."""
    contradictions: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    """Bodies of all unsuccessful answers: they are searched for secrets."""

    def accept(self, number: int, referral_id: str) -> None:
        """Two answers about one friend must name one referral."""
        before = self.accepted.setdefault(number, referral_id)
        if before != referral_id:
            self.contradictions.append(f"friend {number} was answered {before} and {referral_id}")


class Callers:
    """Sends friends' events to the API until each is accepted or definitely refused."""

    def __init__(self, http: httpx.AsyncClient, patience: float = 300) -> None:
        self._http = http
        self._patience = patience
        self.ledger = Ledger()

    async def refer(self, friend: Friend) -> None:
        """Bring one friend: with or without signing up first, from one or two concurrent tasks."""
        try:
            if friend.signs_up_first:
                body = {"code": friend.code, "customer": friend.customer}
                await self.post("/v1/referrals", body)
            tasks = 2 if friend.two_at_once else 1
            await asyncio.gather(*(self._convert(friend) for _ in range(tasks)))
        except TurnedAway:
            self.ledger.turned_away.add(friend.number)
        except GaveUp as error:
            self.ledger.refused[friend.number] = str(error)

    def event(self, friend: Friend) -> dict[str, Any]:
        """The body that converts a friend."""
        body: dict[str, Any] = {
            "event": friend.plan.event,
            "customer": friend.customer,
            "metadata": {"event_id": friend.event_id},
        }
        if not friend.signs_up_first:
            body["referral"] = {"code": friend.code}
        return body | ({"order": order_of(friend)} if friend.plan.returns else {})

    async def _convert(self, friend: Friend) -> None:
        body = self.event(friend)
        headers = {"Idempotency-Key": friend.event_id} if friend.sends_key else {}
        answer = await self.post("/v1/events", body, headers)
        if answer["referral"] is None:
            raise GaveUp(f"friend {friend.number} signed up, and the event found no referral")
        self.ledger.accept(friend.number, answer["referral"]["id"])

    async def refused(self, body: dict[str, Any], tries: int = 300) -> str:
        """The key of an event's refusal; `accepted` if it was not refused."""
        for _ in range(tries):
            try:
                answer = await self._http.post("/v1/events", json=body)
            except httpx.TransportError:
                await asyncio.sleep(0.3)
                continue
            if answer.status_code < 500 and not _passes(answer):
                return str(answer.json().get("key", "accepted"))
            await asyncio.sleep(0.3)
        return "never answered"

    async def post(
        self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """POST until an answer is certain. Raises GaveUp for a refusal, or after too many
        attempts."""
        deadline, pause, last = asyncio.get_running_loop().time() + self._patience, 0.2, ""
        while asyncio.get_running_loop().time() < deadline:
            try:
                answer = await self._http.post(path, json=body, headers=headers)
            except httpx.TransportError as error:
                last = type(error).__name__
            else:
                last = str(answer.status_code)
                if answer.status_code in (200, 201, 202):
                    self.ledger.answers[last] += 1
                    content: dict[str, Any] = answer.json()
                    return content
                self.ledger.problems.append(answer.text)
                if answer.json().get("key") in _FULL:
                    raise TurnedAway
                if answer.status_code < 500 and not _passes(answer):
                    raise GaveUp(f"{path}: {answer.status_code} {answer.text[:300]}")
            self.ledger.answers[last] += 1
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 1.0)
        raise GaveUp(f"{path}: {_OUT_OF_ORDER} Last: {last}")
