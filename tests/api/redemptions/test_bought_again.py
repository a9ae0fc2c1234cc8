"""The same order redeemed again after it was rolled back or refunded: it is bought after all."""

from __future__ import annotations

from typing import Any

import httpx

from store.database import Database
from store.qualification.qualify import judge_again
from store.reversals import carry_out as reversing
from store.tables import Grant, Redemption, Referral, Voucher
from tests.api.api_bodies import REDEMPTION, made, redemption_body, refused, share
from tests.builders import one, rows

HELD = REDEMPTION | {"hold": "P14D"}


async def settle(database: Database) -> None:
    """What the workflows do."""
    for referral in await rows(database, Referral):
        async with database.transaction() as tx:
            answer = await reversing.carry_out(tx, referral.id)
        if answer.judge:
            await judge_again(database, referral.id, referral.workflow_id)


def body_of(code: str, **changes: Any) -> dict[str, Any]:
    order = {"source_id": "cart-of-77", "amount": 4000}
    person = {"source_id": "friend-of-77"}
    return redemption_body(code, person, order=order) | {"tracking_id": "try-1"} | changes


async def redeem(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    return dict(await made(client.post("/v1/redemptions", json=body)))


async def roll_back(client: httpx.AsyncClient, redeemed: dict[str, Any]) -> None:
    path = f"/v1/redemptions/{redeemed['redemptions'][0]['id']}/rollback"
    await made(client.post(path))


def id_of(redeemed: dict[str, Any]) -> str:
    return str(redeemed["redemptions"][0]["id"])


async def test_under_a_new_name_it_is_a_new_use_and_the_same_reward(
    service: httpx.AsyncClient, database: Database
) -> None:
    shared = await share(service, HELD)
    first = await redeem(service, body_of(shared.code))
    before = {grant.id for grant in await rows(database, Grant)}
    await roll_back(service, first)
    await settle(database)
    assert (await one(database, Referral)).status == "reversed"
    again = body_of(shared.code, tracking_id="try-2")
    checked = await made(service.post("/v1/validations", json=again))
    assert (checked["valid"], checked["rewarded"]) == (True, True)
    second = await redeem(service, again)
    assert id_of(second) != id_of(first)
    assert (second["rewarded"], second["order"]["total_discount_amount"]) == (True, 400)
    await settle(database)
    referral = await one(database, Referral)
    assert (referral.status, referral.ordinal) == ("on_hold", 1)
    assert {grant.id for grant in await rows(database, Grant)} == before
    assert {grant.status for grant in await rows(database, Grant)} == {"held"}
    assert (await one(database, Voucher)).redeemed_quantity == 1
    # Told of once more, it is that use; and so is one that nothing tells from it.
    for repeat in (again, {name: again[name] for name in again if name != "tracking_id"}):
        assert id_of(await redeem(service, repeat)) == id_of(second)
    assert len(await rows(database, Redemption)) == 2


async def test_a_late_repeat_of_the_first_stays_refused(
    service: httpx.AsyncClient, database: Database
) -> None:
    shared = await share(service, HELD)
    body = body_of(shared.code)
    await roll_back(service, await redeem(service, body))
    nameless = {name: body[name] for name in body if name != "tracking_id"}
    for late in (body, nameless):
        refused(await service.post("/v1/redemptions", json=late), 400, "already_rolled_back")
        checked = await made(service.post("/v1/validations", json=late))
        assert (checked["valid"], checked["rewarded"]) == (False, False)
        assert "rolled back" in checked["why_not"]
    second = await redeem(service, body_of(shared.code, tracking_id="try-2"))
    await roll_back(service, second)
    for late in ("try-1", "try-2"):
        response = await service.post(
            "/v1/redemptions", json=body_of(shared.code, tracking_id=late)
        )
        refused(response, 400, "already_rolled_back")
    await settle(database)
    assert (await one(database, Referral)).status == "reversed"
    assert (await one(database, Voucher)).redeemed_quantity == 0


async def test_a_name_that_was_heard_before_the_rollback_is_no_new_one(
    service: httpx.AsyncClient, database: Database
) -> None:
    """The client gave each of its tries another name; one of them arrives late once more."""
    shared = await share(service, HELD)
    first = await redeem(service, body_of(shared.code))
    retry = body_of(shared.code, tracking_id="try-2")
    assert id_of(await redeem(service, retry)) == id_of(first)
    await roll_back(service, first)
    refused(await service.post("/v1/redemptions", json=retry), 400, "already_rolled_back")


async def test_after_a_finding_it_gives_neither_discount_nor_reward(
    service: httpx.AsyncClient, support: httpx.AsyncClient, database: Database
) -> None:
    shared = await share(service, HELD)
    first = await redeem(service, body_of(shared.code))
    referral = await one(database, Referral)
    fraud = {"reason": "One person, two accounts"}
    await made(support.post(f"/v1/referrals/{referral.id}/reverse", json=fraud))
    await roll_back(service, first)
    await settle(database)
    again = body_of(shared.code, tracking_id="try-2")
    refused(await service.post("/v1/redemptions", json=again), 400, "already_rolled_back")
    assert (await one(database, Referral)).status == "reversed"
    assert (await one(database, Voucher)).redeemed_quantity == 0


async def test_no_discount_where_qualification_would_refuse(
    service: httpx.AsyncClient, database: Database
) -> None:
    """The budget that the rollback freed is another friend's by now."""
    limits = {"limits": {"budget": {"amount": 3000, "currency": "USD"}}}
    shared = await share(service, HELD | limits)
    await roll_back(service, await redeem(service, body_of(shared.code)))
    await settle(database)
    await redeem(service, redemption_body(shared.code))
    again = body_of(shared.code, tracking_id="try-2")
    refused(await service.post("/v1/redemptions", json=again), 400, "budget_exhausted")
    assert (await one(database, Referral, order_source_id="cart-of-77")).status == "reversed"


async def test_after_a_refund_the_use_stands_and_the_reward_comes_back(
    service: httpx.AsyncClient, database: Database
) -> None:
    """A refund that names the order leaves the code used: no second discount is given."""
    shared = await share(service, HELD)
    first = await redeem(service, body_of(shared.code))
    refund = {"order_source_id": "cart-of-77", "reason": "Sent back"}
    await made(service.post("/v1/reversals", json=refund))
    late = await redeem(service, body_of(shared.code))
    assert (id_of(late), late["rewarded"]) == (id_of(first), False)
    await settle(database)
    again = await redeem(service, body_of(shared.code, tracking_id="try-2"))
    assert (id_of(again), again["rewarded"]) == (id_of(first), True)
    await settle(database)
    assert (await one(database, Referral)).status == "on_hold"
    assert (await one(database, Voucher)).redeemed_quantity == 1


async def test_a_reversal_that_is_not_carried_out_yet_shows_that_no_reward_comes(
    service: httpx.AsyncClient, admin: httpx.AsyncClient, database: Database
) -> None:
    shared = await share(service, HELD)
    redeemed = await redeem(service, body_of(shared.code))
    assert redeemed["rewarded"]
    referral = await one(database, Referral)
    await roll_back(service, redeemed)
    shown = await made(admin.get(f"/v1/referrals/{referral.id}"))
    assert (shown["status"], shown["rewarded"]) == ("on_hold", False)
    assert "undone" in shown["why_not"]
    # A part is none of that.
    other = await redeem(service, redemption_body(shared.code))
    path = f"/v1/redemptions/{id_of(other)}/rollback"
    rolled_back = await made(service.post(path, json={"amount": 1000}))
    assert rolled_back["redemption"] == id_of(other)
    seen = await made(admin.get(f"/v1/redemptions/{id_of(other)}"))
    assert seen["referral"]["rewarded"]


async def test_a_validation_says_whether_a_reward_is_to_be_expected(
    service: httpx.AsyncClient,
) -> None:
    for program in (None, REDEMPTION):
        shared = await share(service, program)
        checked = await made(service.post("/v1/validations", json=redemption_body(shared.code)))
        assert (checked["valid"], checked["rewarded"], checked["why_not"]) == (True, True, None)
    own = redemption_body(shared.code, shared.referrer)
    refusal = await made(service.post("/v1/validations", json=own))
    assert (refusal["valid"], refusal["rewarded"]) == (False, False)
    assert refusal["why_not"] == refusal["redeemables"][0]["result"]["error"]["details"]
