"""Terms pinned: 200 referrals finish on theirs; a move is shown first, and does what it showed."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from store.database import Database
from store.tables import Event, Grant, Referral
from tests.api.api_bodies import card, made, refused, share, tier
from tests.builders import add_friends, convert, few_at_once, one, qualify, rows, sign_up

OLD, NEW = 1500, 2500
EDIT = {
    "referral_program": {
        "referee_reward": card(NEW, currency="USD"),
        "tiers": [tier(card(NEW)), tier({"kind": "loyalty_points", "points": 5}, name="thanks")],
        "attribution_window": "P60D",
    }
}


class Moving:
    """A campaign with friends who wait under its first version, and a second version."""

    def __init__(self, client: httpx.AsyncClient, database: Database) -> None:
        self.client, self.database = client, database
        self.path = self.code = ""
        self.friends: list[str] = []

    async def begin(self, friends: int) -> None:
        shared = await share(self.client)
        self.path, self.code = f"/v1/campaigns/{shared.campaign_id}", shared.code
        self.friends = await add_friends(self.database, friends)
        await few_at_once(sign_up(self.database, self.code, one) for one in self.friends)
        assert (await made(self.client.put(self.path, json=EDIT)))["version"] == 2

    async def preview(self, **body: Any) -> Any:
        return await self.send({"dry_run": True} | body)

    async def move(self, token: str, **body: Any) -> Any:
        return await self.send({"token": token, "reason": "announced by mail"} | body)

    async def send(self, body: Any, version: int = 2) -> Any:
        return await made(self.client.post(f"{self.path}/versions/{version}/move", json=body))

    async def amounts(self) -> list[int]:
        """What each grant of a gift card came to."""
        return sorted(grant.amount for grant in await rows(self.database, Grant, kind="gift_card"))

    async def under(self, version: int) -> int:
        return len(await rows(self.database, Referral, campaign_version=version))


@pytest.fixture
def moving(admin: httpx.AsyncClient, database: Database) -> Moving:
    return Moving(admin, database)


async def test_an_edit_leaves_200_waiting_referrals_on_their_terms(moving: Moving) -> None:
    await moving.begin(200)
    for friend in moving.friends:
        assert (await qualify(moving.database, moving.code, friend)).qualified
    assert await moving.amounts() == [OLD] * 400
    newcomer = await qualify(moving.database, moving.code)
    assert newcomer.qualified
    assert (await moving.amounts())[-2:] == [NEW, NEW]
    assert (await moving.under(1), await moving.under(2)) == (200, 1)


async def test_the_preview_names_number_and_difference_and_the_move_does_it(
    moving: Moving,
) -> None:
    await moving.begin(200)
    shown = await moving.preview()
    (origin,) = shown["origins"]
    assert (origin["version"], origin["referrals"], shown["shown"]) == (1, 200, {"1": 200})
    words = {one["member"].partition(".")[0]: one["words"] for one in origin["differences"]}
    assert words["referee_reward"] == (
        "referee reward: gift card of 15.00 USD becomes gift card of 25.00 USD"
    )
    assert "tier 'thanks' is new: 5 points" in [one["words"] for one in origin["differences"]]
    window = next(o for o in origin["differences"] if o["member"] == "attribution_window")
    assert window["for_waiting"] is False
    # Shown is not done.
    assert (await moving.under(1), shown["moved"], shown["done_at"]) == (200, 0, None)

    expiries = {row.id: row.expires_at for row in await rows(moving.database, Referral)}
    done = await moving.move(shown["token"])
    assert (done["moved"], done["left"], await moving.under(2)) == (200, 0, 200)
    assert {row.id: row.expires_at for row in await rows(moving.database, Referral)} == expiries
    events = await rows(moving.database, Event, type="referral.moved")
    assert {event.referral_id for event in events} == set(expiries)
    assert events[0].detail == "From version 1 to version 2"
    assert events[0].data == {"move_id": done["id"], "from": 1, "to": 2}
    for friend in moving.friends[:3]:
        await qualify(moving.database, moving.code, friend)
    assert await moving.amounts() == [NEW] * 6


async def test_a_record_says_who_why_from_where_and_how_many(
    moving: Moving, support: httpx.AsyncClient
) -> None:
    await moving.begin(3)
    shown = await moving.preview(from_versions=[1])
    await moving.preview()
    done = await moving.move(shown["token"])
    listed = await made(support.get(f"{moving.path}/moves"))
    assert listed["data"] == [done]
    assert (done["actor"], done["reason"]) == (
        moving.client.headers["X-App-Id"],
        "announced by mail",
    )
    event = await one(moving.database, Event, type="campaign.referrals_moved")
    assert event.title == "3 waiting referrals moved to version 2"
    assert event.data == {"move_id": done["id"], "shown": {"1": 3}, "to": 2, "moved": 3}


async def test_a_repeated_move_changes_nothing(moving: Moving) -> None:
    await moving.begin(3)
    shown = await moving.preview()
    answers = await asyncio.gather(*(moving.move(shown["token"]) for _ in range(3)))
    assert [answer["moved"] for answer in answers] == [3, 3, 3]
    assert len(await rows(moving.database, Event, type="referral.moved")) == 3
    assert len(await rows(moving.database, Event, type="campaign.referrals_moved")) == 1


async def test_converted_referrals_keep_their_terms(moving: Moving) -> None:
    await moving.begin(3)
    shown = await moving.preview()
    await convert(moving.database, moving.code, moving.friends[0])
    done = await moving.move(shown["token"])
    assert (done["moved"], done["left"]) == (2, 1)
    kept = await one(moving.database, Referral, referee_id=moving.friends[0])
    assert kept.campaign_version == 1


async def test_nobody_moves_who_was_not_shown(moving: Moving) -> None:
    await moving.begin(3)
    newcomer = await sign_up(moving.database, moving.code)
    forth = await moving.preview()
    back = await made(moving.client.post(f"{moving.path}/versions/1/move", json={"dry_run": True}))
    assert (forth["shown"], back["shown"]) == ({"1": 3}, {"2": 1})
    await moving.move(forth["token"])
    # Version 2 has four by now, and the preview of the way back showed one.
    response = await moving.client.post(
        f"{moving.path}/versions/1/move", json={"token": back["token"], "reason": "back"}
    )
    refused(response, 409, "not_allowed_in_state", "/token")
    assert await moving.under(2) == 4
    assert newcomer.campaign_version == 2


async def test_refused(moving: Moving, service: httpx.AsyncClient) -> None:
    await moving.begin(1)
    url = f"{moving.path}/versions/2/move"
    shown = await moving.preview()
    for body, status, key in (
        ({}, 400, "invalid_payload"),
        ({"token": shown["token"]}, 400, "invalid_payload"),
        ({"dry_run": True, "token": shown["token"]}, 400, "invalid_payload"),
        ({"dry_run": True, "from_versions": [2]}, 400, "invalid_payload"),
        ({"dry_run": True, "from_versions": [7]}, 400, "invalid_payload"),
        ({"token": "move_x", "reason": "x"}, 404, "resource_not_found"),
    ):
        refused(await moving.client.post(url, json=body), status, key)
    other = {"token": shown["token"], "reason": "x"}
    wrong = await moving.client.post(f"{moving.path}/versions/1/move", json=other)
    refused(wrong, 404, "resource_not_found")
    unknown = await moving.client.post(f"{moving.path}/versions/9/move", json={"dry_run": True})
    refused(unknown, 404, "resource_not_found")
    refused(await service.post(url, json={"dry_run": True}), 403, "forbidden")
    assert await moving.under(1) == 1


async def test_versions_are_listed_with_what_changed(moving: Moving) -> None:
    await moving.begin(2)
    versions = await made(moving.client.get(f"{moving.path}/versions"))
    newest, first = versions["data"]
    assert [(one["version"], one["current"]) for one in (newest, first)] == [(2, True), (1, False)]
    assert (newest["waiting"], first["waiting"], first["referrals"]) == (0, 2, 2)
    assert first["differences"] == []
    assert "attribution_window" in [one["member"] for one in newest["differences"]]
    assert newest["referral_program"]["referee_reward"]["amount"] == str(NEW)
    assert first["referral_program"]["referee_reward"]["amount"] == str(OLD)
    older = await made(moving.client.get(f"{moving.path}/versions?starting_after_id=2"))
    assert older["data"] == [first]
