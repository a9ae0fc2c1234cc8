"""A full cap is told before it costs the friend a gift, in the words that qualification uses."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from store.database import Database
from store.qualification import qualify as qualification
from store.tables import Grant, Redemption, Referral
from tests.api.api_bodies import (
    REDEMPTION,
    Shared,
    event_body,
    made,
    person,
    redemption_body,
    refused,
    share,
    tier,
)
from tests.builders import convert, one, qualify, rows, sign_up, start_of

EACH = {"kind": "loyalty_points", "points": 100}
CAPS: dict[str, dict[str, Any]] = {
    "grants per referrer": {"tiers": [tier(EACH)], "limits": {"grants_per_referrer": 1}},
    "a tier's, per referrer": {"tiers": [tier(EACH, max_grants_per_referrer=1)]},
    "a tier's, in all": {"tiers": [tier(EACH, max_grants=1)]},
}
capped = pytest.mark.parametrize("cap", CAPS.values(), ids=list(CAPS))


async def full(
    client: httpx.AsyncClient, database: Database, cap: dict[str, Any], **terms: Any
) -> tuple[Shared, Referral]:
    """A campaign whose cap one friend has filled, while another waits."""
    shared = await share(client, cap | terms)
    waiting = await sign_up(database, shared.code)
    await qualify(database, shared.code)
    assert (await one(database, Grant, role="referrer")).status == "ordering"
    return shared, waiting


async def words(database: Database, waiting: Referral) -> str:
    """What qualification says to the friend who waited."""
    await convert(database, None, waiting.referee_id)
    await qualification.qualify(database, start_of(waiting))
    rejected = await one(database, Referral, id=waiting.id)
    assert rejected.status == "rejected"
    return rejected.reason or ""


class TestRefused:
    @capped
    async def test_everywhere_in_the_words_of_qualification(
        self, service: httpx.AsyncClient, database: Database, cap: dict[str, Any]
    ) -> None:
        shared, waiting = await full(service, database, cap)
        said = []
        for path, body in (
            ("/v1/referrals", {"code": shared.code, "customer": person()}),
            ("/v1/events", event_body(shared.code)),
            ("/v1/redemptions", redemption_body(shared.code)),
            ("/v1/redemptions", redemption_body(shared.code, {"id": waiting.referee_id})),
        ):
            answer = await service.post(path, json=body)
            refused(answer, 400, "redemption_rules_violated")
            said.append(answer.json()["detail"])
        asked = redemption_body(shared.code)
        validation = await made(service.post("/v1/validations", json=asked))
        assert validation["valid"] is False
        said.append(validation["redeemables"][0]["result"]["error"]["details"])
        assert {*said} == {await words(database, waiting)}
        assert len(await rows(database, Referral)) == 2
        assert [used for used in await rows(database, Redemption) if used.counts] == []

    @capped
    async def test_by_a_campaign_that_converts_on_redemption(
        self, service: httpx.AsyncClient, database: Database, cap: dict[str, Any]
    ) -> None:
        shared = await share(service, cap | REDEMPTION)
        await made(service.post("/v1/redemptions", json=redemption_body(shared.code)))
        answer = await service.post("/v1/redemptions", json=redemption_body(shared.code))
        refused(answer, 400, "redemption_rules_violated")

    async def test_a_milestone_s_full_cap_turns_nobody_away_at_sign_up(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        """By the time of the conversion the friend may be another number."""
        many = {"criterion": "min_unique_referees", "threshold": 1, "repeat": True}
        shared, _ = await full(service, database, {"tiers": [tier(EACH, max_grants=1, **many)]})
        body = {"code": shared.code, "customer": person()}
        await made(service.post("/v1/referrals", json=body), 201)
        answer = await service.post("/v1/events", json=event_body(shared.code))
        refused(answer, 400, "redemption_rules_violated")


class TestFriendOnly:
    @capped
    async def test_the_friend_s_gift_stands_alone(
        self, service: httpx.AsyncClient, database: Database, cap: dict[str, Any]
    ) -> None:
        shared, waiting = await full(service, database, cap, when_referrer_full="friend_only")
        campaign = await made(service.get(f"/v1/campaigns/{shared.campaign_id}"))
        assert campaign["referral_program"]["when_referrer_full"] == "friend_only"
        await made(service.post("/v1/events", json=event_body(shared.code)))
        await convert(database, None, waiting.referee_id)
        await qualification.qualify(database, start_of(waiting))
        (grant,) = await rows(database, Grant, referral_id=waiting.id)
        assert (grant.role, grant.recipient_id) == ("referee", waiting.referee_id)
        read = await made(service.get(f"/v1/referrals/{waiting.id}"))
        (told,) = [one for one in read["verdicts"] if one["check"] == "when_referrer_full"]
        assert told["passed"]
        assert "of at most 1" in told["detail"]
        assert read["ordinal"] == 2

    async def test_another_tier_that_has_room_is_still_given(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        tiers = [tier(EACH, max_grants=1), tier(EACH, name="second")]
        _, waiting = await full_of(service, database, tiers)
        given = await rows(database, Grant, referral_id=waiting.id)
        assert sorted(grant.role for grant in given) == ["referee", "referrer"]

    async def test_other_reasons_still_reject(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        cap = {"tiers": [tier(EACH, max_grants=1)], "limits": {"redemptions": 1}}
        _, waiting = await full(service, database, cap, when_referrer_full="friend_only")
        assert "redemptions" in await words(database, waiting)


async def full_of(
    service: httpx.AsyncClient, database: Database, tiers: list[dict[str, Any]]
) -> tuple[Shared, Referral]:
    """The first tier is full; the friend who waited is counted."""
    shared = await share(service, {"tiers": tiers, "when_referrer_full": "friend_only"})
    waiting = await sign_up(database, shared.code)
    await qualify(database, shared.code)
    await convert(database, None, waiting.referee_id)
    await qualification.qualify(database, start_of(waiting))
    return shared, waiting
