"""Referrals begun under the old version finish under this one: nothing is paid again, nothing is
swallowed. The tests of this module share one stack and run in their order."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import Client

from domain.messages import REDRIVE_SCHEDULE, SEAL_SCHEDULE, UPKEEP_SCHEDULE, WATCH_SCHEDULE
from tests.receiver import Receiver
from tests.upgrade.after import After

GOES_ON_BY_ITSELF = (
    "plain/told-to-temporal",
    "plain/not-told",
    "plain/waiting-converted",
    "held-briefly/held",
    "paused-held/held",
    "once-held/held-2",
    "plain/in-flight",
    "plain/in-doubt",
    "unfunded/unfunded",
)
"""What was accepted, on hold, or on its way when the old version was stopped."""
STANDS = {
    "plain/completed": "completed",
    "plain/completed-refunded": "reversed",
    "plain/waiting-refunded": "rejected",
    "plain/waiting": "waiting",
    "plain/waiting-by-redemption": "waiting",
    "held/held": "on_hold",
    "reviewed/reviewed": "in_review",
    "paused/waiting": "waiting",
    "plain/no-address": "needs_attention",
    "once/refunded-friend-0": "reversed",
}
CARDS = {"plain": 2, "held-briefly": 2, "paused-held": 2, "once-held": 0, "unfunded": 1}
"""Gift cards of one referral, by campaign; the milestone's comes with the second friend."""

pytestmark = pytest.mark.timeout(900)


def test_finished_work_is_unchanged_by_the_upgrade(after: After) -> None:
    assert {name: after.status(name) for name in STANDS} == STANDS


async def test_no_schedule_of_the_old_version_goes_on(after: After) -> None:
    """Its sweeps were workflows that schedules started; they are loops of the workers now."""
    client = await Client.connect(after.stack.info.temporal.address)
    left = {schedule.id async for schedule in await client.list_schedules()}
    assert not left & {REDRIVE_SCHEDULE, SEAL_SCHEDULE, UPKEEP_SCHEDULE, WATCH_SCHEDULE}


def test_open_work_ends_with_one_card_per_grant_after_the_upgrade(after: After) -> None:
    before = after.before
    in_doubt = {grant["order"]["key"] for grant in after.referral("plain/in-doubt")["grants"]}
    after.control("delivery", provider="giftcard-partners", seconds=0, outcome="delivered")
    after.control("faults", rates={})
    after.control("funds", provider="tremendous", amount=100_000_000)
    for name in GOES_ON_BY_ITSELF:
        after.until(name, "completed")
    after.until("plain/completed-refunded-late", "reversed")
    book = after.book()
    assert set(book.values()) == {1}
    assert in_doubt <= set(before), "these cards were bought, though nobody knew"
    # Three conversions, two holds and an unfunded one had no card yet; a milestone is one.
    assert len(book) == len(before) + 3 * 2 + 2 * 2 + 1 + 1


def test_staff_resolve_the_rest_after_the_upgrade(after: After) -> None:
    referral = after.told["referrals"]["reviewed/reviewed"]
    after.post(f"/v1/referrals/{referral}/approve", {"reason": "a good friend"})
    after.until("reviewed/reviewed", "completed")
    after.post("/v1/customers", {"source_id": "plain-no-address", "email": "found@example.com"})
    parked = [
        grant
        for grant in after.referral("plain/no-address")["grants"]
        if grant["status"] == "needs_attention"
    ]
    for grant in parked:
        after.post(f"/v1/grants/{grant['id']}/retry", {"reason": "the address was found"})
    after.until("plain/no-address", "completed")


@pytest.mark.parametrize("name", ["plain/waiting", "plain/waiting-by-redemption"])
def test_a_friend_who_waited_is_rewarded(after: After, name: str) -> None:
    after.finish(name)
    assert [grant["status"] for grant in after.referral(name)["grants"]] == ["delivered"] * 2


def test_a_friend_who_waited_in_a_stopped_campaign_is_held_and_goes_on_with_it(
    after: After,
) -> None:
    after.convert("paused/waiting")
    assert after.status("paused/waiting") == "converted"
    assert after.referral("paused/waiting")["grants"] == []
    after.post(f"/v1/campaigns/{after.told['campaigns']['paused']}/enable", {})
    after.until("paused/waiting", "completed")


@pytest.mark.parametrize(
    ("campaign", "referrer", "due"),
    [
        # One of three friends, one grant, however many follow.
        ("once", "of-2", 1),
        ("once", "of-3", 1),
        ("once", "of-4", 1),
        # Undone by a refund or left, reached again: still the one.
        ("once", "refunded", 1),
        ("once-undo", "refunded", 1),
        ("repeat-undo", "refunded", 1),
        # One for every second friend: with the two who waited these are 3, 4, 5, 6 and 7.
        ("repeat", "of-1", 1),
        ("repeat", "of-2", 2),
        ("repeat", "of-3", 2),
        ("repeat", "of-4", 3),
        ("repeat", "of-5", 3),
    ],
)
def test_a_milestone_is_rewarded_as_often_as_it_is_reached(
    after: After, campaign: str, referrer: str, due: int
) -> None:
    for number in (1, 2):
        after.finish(f"{campaign}/{referrer}-waiting-{number}")
    grants = after.milestones(campaign, referrer)
    assert [grant["status"] for grant in grants] == ["delivered"] * due


@pytest.mark.parametrize("threshold", [6, 1])
def test_an_edited_threshold_neither_pays_a_milestone_again_nor_skips_it(
    after: After, threshold: int
) -> None:
    """Referrers on both sides of the new threshold, all paid under the old one."""
    after.edit_threshold("once", threshold)
    for referrer in ("of-2", "of-3", "of-4"):
        for number in (1, 2):
            after.refer(f"once/{referrer}-under-{threshold}-{number}", f"once/{referrer}")
        assert len(after.milestones("once", referrer)) == 1


def test_the_books_agree(after: After) -> None:
    cards = after.book()
    assert set(cards.values()) == {1}
    orders = after.get("/v1/gift-card-orders", limit=100)["data"]
    issued = {order["key"] for order in orders if order["state"] in ("issued", "cancelled")}
    assert issued == set(cards)


async def test_the_webhook_goes_on_from_its_place(after: After) -> None:
    """Nobody had listened before the upgrade, so it is told of all that is completed, once."""
    receiver = Receiver()
    await receiver.open()
    body = {"url": receiver.url, "events": ["referral.completed"]}
    path = f"/v1/webhooks/{after.told['webhook']}"
    await asyncio.to_thread(lambda: after.http.put(path, json=body).raise_for_status())
    completed = [
        event["id"] for event in await asyncio.to_thread(after.event_log, "referral.completed")
    ]
    assert len(completed) > 20
    await asyncio.to_thread(
        after.wait,
        lambda: [received.content["id"] for received in receiver.received],
        completed,
        "events told",
    )
    await receiver.close()
