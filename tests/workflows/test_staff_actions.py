"""Every action in every state: what is possible is listed and done, and the rest is refused with
the state, the way out, and nothing changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

import tests.workflows.standings as standings
from domain.grants import AT_REST
from domain.staff import OF_REFERRAL, Action
from store.tables import Grant, StaffAction
from tests.builders import rows
from tests.workflows.case import Case
from tests.workflows.frontdoor import FrontDoor, front_door
from tests.workflows.histories import events_of, kind
from tests.workflows.stage import Stage
from tests.workflows.standings import Bring

PROVIDERS = ["giftcard-partners", "tremendous"]

POSSIBLE: list[tuple[Bring, set[Action]]] = [
    (standings.held, {Action.CANCEL}),
    (standings.in_review, {Action.CANCEL, Action.APPROVE, Action.DENY}),
    (standings.ordering, set()),
    (standings.ordered, {Action.RESEND}),
    (standings.delivered, {Action.RESEND}),
    (standings.ended, {Action.RESEND}),
    (standings.cancelled, set()),
    (standings.unfunded, {Action.RETRY, Action.CANCEL}),
    (standings.rejected, {Action.RETRY, Action.CANCEL}),
    (standings.incomplete, {Action.RETRY, Action.CANCEL}),
    (standings.unknown, {Action.RETRY, Action.RESOLVE}),
    (standings.in_conflict, {Action.RETRY, Action.RESOLVE}),
    (standings.bounced, {Action.RETRY, Action.RESEND}),
    (standings.overdue, {Action.RETRY, Action.RESEND}),
]
BODIES: dict[Action, dict[str, Any]] = {
    Action.RESOLVE: {"issued": False, "evidence": "their ticket 88"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def door(running: Stage) -> AsyncIterator[FrontDoor]:
    async with front_door(running) as door:
        yield door


def path_of(action: Action, grant: Grant) -> str:
    if action in OF_REFERRAL:
        return f"/v1/referrals/{grant.referral_id}/{action}"
    return f"/v1/grants/{grant.id}/{action}"


async def facts(case: Case) -> list[Any]:
    """What a refused request must leave as it is."""
    grants, orders = await case.grants(), await case.orders()
    asked = await rows(case.stage.database, StaffAction, referral_id=case.id)
    return [
        (await case.referral()).status,
        [(grant.status, grant.attention, grant.due_at) for grant in grants],
        [(order.key, order.state, order.delivery_state) for order in orders],
        await case.events(),
        [row.id for row in asked],
        [event.event_id for event in await events_of(case) if "UPDATE" in kind(event)],
    ]


@pytest.mark.parametrize(
    ("bring", "possible"), POSSIBLE, ids=lambda of: getattr(of, "__name__", "")
)
async def test_possible_actions_are_listed_and_the_others_refused(
    stage: Stage, door: FrontDoor, bring: Bring, possible: set[Action]
) -> None:
    case, grant = await bring(stage)
    answer = await door.get(f"/v1/grants/{grant.id}")
    referral = await door.get(f"/v1/referrals/{grant.referral_id}")
    listed = [each["action"] for each in answer["actions"] + referral["actions"]]
    assert set(listed) == possible
    # What is not at rest says until when.
    assert bool(answer["due_at"]) == (answer["status"] not in AT_REST)
    before = await facts(case)
    for action in set(Action) - possible:
        refused = await door.post(path_of(action, grant), **BODIES.get(action, {}))
        body = refused.json()
        assert (refused.status_code, body["key"]) == (409, "not_allowed_in_state"), body
        assert "Possible now: " in body["detail"]
        if action not in OF_REFERRAL:
            told = body["detail"].partition("Possible now: ")[2].rstrip(".")
            assert set(told.split(", ")) == (possible or {"nothing"})
    assert await facts(case) == before
