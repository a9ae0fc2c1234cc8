"""A campaign is edited while 200 friends wait: each of them ends under the terms they began under,
down to the card at the provider. The preview of a move says how many that is, and what differs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from domain.roles import Role
from store.tables import Grant, Referral
from tests.auditing import assert_books_agree
from tests.builders import (
    PROVIDER,
    Programme,
    add_programme,
    every_friend,
    few_at_once,
    gift_card,
    many_friends,
    points,
    rows,
    terms,
)
from tests.workflows.case import Case, eventually
from tests.workflows.frontdoor import front_door
from tests.workflows.stage import Stage

FRIENDS = 200
OLD, NEW = 15_00, 25_00
BEFORE = terms(
    every_friend(gift_card(OLD)), many_friends(50, points(500), repeat=True), referee_reward=None
)
# The 201st friend is the third multiple of 67, and no multiple of 50.
EDIT: dict[str, Any] = {
    "tiers": [
        {
            "name": "every friend",
            "criterion": "each_unique_referee",
            "reward": {
                "kind": "gift_card",
                "provider": PROVIDER,
                "product_id": "CVS",
                "amount": NEW,
                "currency": "USD",
            },
        },
        {
            "name": "50 friends",
            "criterion": "min_unique_referees",
            "threshold": 67,
            "repeat": True,
            "reward": {"kind": "loyalty_points", "points": 900},
        },
    ]
}


async def _edited_and_shown(stage: Stage, campaign_id: str) -> dict[str, Any]:
    """Staff change amount and criterion, and ask what a move would change; they do not move."""
    async with front_door(stage, Role.ADMIN) as staff:
        path = f"/v1/campaigns/{campaign_id}"
        await staff.put(path, referral_program=EDIT)
        answer = await staff.post(f"{path}/versions/2/move", dry_run=True)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def _completed(stage: Stage, programme: Programme, count: int) -> None:
    """Wait until so many of its referrals say so."""

    async def there() -> bool:
        of = {"campaign_id": programme.campaign_id, "status": "completed"}
        return len(await rows(stage.database, Referral, **of)) == count

    await eventually(there, 180)


async def _earned(stage: Stage, programme: Programme, version: int) -> Counter[tuple[str, int]]:
    """What the friends of a version brought their referrer: (kind, amount) of each grant."""
    of = {"campaign_id": programme.campaign_id}
    ids = {r.id for r in await rows(stage.database, Referral, **of, campaign_version=version)}
    grants = await rows(stage.database, Grant, **of)
    return Counter((grant.kind, grant.amount) for grant in grants if grant.referral_id in ids)


@pytest.mark.timeout(900)
async def test_200_who_wait_finish_on_their_old_terms(stage: Stage) -> None:
    programme = await add_programme(stage.database, BEFORE)
    cases: list[Case] = await few_at_once(
        stage.signed_up_with(programme.code) for _ in range(FRIENDS)
    )
    shown = await _edited_and_shown(stage, programme.campaign_id)
    (origin,) = shown["origins"]
    assert (origin["version"], origin["referrals"], shown["shown"]) == (1, FRIENDS, {"1": FRIENDS})
    assert [one["words"] for one in origin["differences"]] == [
        "tier 'every friend': reward: gift card of 15.00 USD becomes gift card of 25.00 USD",
        "tier '50 friends': threshold: 50 becomes 67",
        "tier '50 friends': reward: 500 points becomes 900 points",
    ]
    newcomer = await stage.signed_up_with(programme.code)

    await few_at_once(case.convert() for case in cases)
    await _completed(stage, programme, FRIENDS)
    await newcomer.convert()
    assert {await case.result() for case in (*cases, newcomer)} == {"completed"}

    old = {("gift_card", OLD): FRIENDS, ("loyalty_points", 500): 4}
    assert await _earned(stage, programme, version=1) == old
    new = {("gift_card", NEW): 1, ("loyalty_points", 900): 1}
    assert await _earned(stage, programme, version=2) == new
    book = Counter(card["amount"] for card in await stage.simulator.book())
    assert book == {OLD: FRIENDS, NEW: 1}
    await assert_books_agree(stage.database)
