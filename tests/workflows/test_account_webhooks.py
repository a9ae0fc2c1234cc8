"""Webhooks that a provider sends for the whole account, from its own signature to the order that
they speak of: early, repeated, lost, about strangers, and after everything has ended."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from domain.campaigns import CampaignTerms
from domain.messages import HOOK_WORKFLOW, WORKFLOW_QUEUE, ProviderHook
from store.tables import Event
from tests.auditing import assert_books_agree
from tests.builders import gift_card, rows, terms
from tests.workflows.case import Case, eventually
from tests.workflows.frontdoor import front_door
from tests.workflows.stage import Stage

LONGEST_DELAY = 60.0
"""The first poll comes after half of it: what happens sooner, a webhook has done."""
PROVIDERS = ["tremendous", "runa"]
PRODUCTS = {"tremendous": "OKMHM2X2OHYV", "runa": "AMZ-US"}
TOKEN = "address-of-the-account"
SECRET = f"whsec_{base64.b64encode(bytes(range(24))).decode()}"


@pytest_asyncio.fixture
async def stage(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """The simulator tells of every order at the account's address, and the API hears it."""
    for name in PROVIDERS:
        section = f"GUERDON_{name.upper()}_"
        for member, value in {
            "URL": "http://127.0.0.1:1",
            "API_KEY": "never-used",
            "WEBHOOK_TOKEN": TOKEN,
            "WEBHOOK_SECRET": SECRET,
        }.items():
            monkeypatch.setenv(section + member, value)
        url = f"{stage.hooks.url}/hooks/{name}/{TOKEN}"
        await stage.simulator.put("webhook", provider=name, url=url, secret=SECRET)
    stage.hooks.tokens.clear()
    async with front_door(stage) as door:
        stage.hooks.take = door.take
        yield stage
    stage.hooks.take = None


def single(provider: str) -> CampaignTerms:
    reward = gift_card(provider=provider, product_id=PRODUCTS[provider])
    return terms(referee_reward=reward, tiers=())


async def hooks_of(stage: Stage) -> list[Any]:
    """Workflows that followed a webhook, of any test of this module."""
    query = f"WorkflowType = '{HOOK_WORKFLOW}'"
    return [found async for found in stage.client.list_workflows(query)]


async def delivered(case: Case) -> bool:
    return [grant.status for grant in await case.grants()] == ["delivered"]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_an_order_is_confirmed_by_the_accounts_webhook(stage: Stage, provider: str) -> None:
    case = await stage.converted(single(provider))
    assert await case.result() == "completed"
    assert stage.hooks.tokens
    assert set(stage.hooks.tokens) == {TOKEN}
    await assert_books_agree(stage.database)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_one_that_overtakes_the_orders_answer_ends_right(stage: Stage, provider: str) -> None:
    await stage.simulator.put("faults", seed=1, rates={"webhook_early": 1})
    case = await stage.converted(single(provider))
    assert await case.result() == "completed"
    assert len(await case.cards()) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_repeats_start_one_workflow_an_event(stage: Stage, provider: str) -> None:
    before = len(await hooks_of(stage))
    await stage.simulator.put("faults", seed=1, rates={"webhook_duplicate": 1})
    case = await stage.converted(single(provider))
    assert await case.result() == "completed"
    events = {"tremendous": 2, "runa": 1}[provider]

    async def all_arrived() -> bool:
        return len(stage.hooks.tokens) >= 2 * events

    async def all_shown() -> bool:
        return len(await hooks_of(stage)) == before + events

    await eventually(all_arrived)
    await eventually(all_shown)
    assert (await case.events()).count("grant.delivered") == 1


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_lost_one_is_made_up_for_by_the_poll(stage: Stage, provider: str) -> None:
    await stage.simulator.put("faults", seed=1, rates={"webhook_lost": 1})
    case = await stage.converted(single(provider))
    await eventually(lambda: case.grants(status="ordered"))
    await case.skip(seconds=35)
    assert await case.result() == "completed"
    assert stage.hooks.tokens == []


async def test_a_withdrawal_that_comes_after_the_end_is_looked_at(stage: Stage) -> None:
    case = await stage.converted(single("tremendous"))
    assert await case.result() == "completed"
    (order,) = await case.orders()
    await stage.simulator.tamper(
        provider="tremendous", change=[{"key": order.key, "state": "cancelled"}]
    )
    resource = {"id": order.provider_order_id, "type": "orders"}
    said = {"event": "ORDERS.CANCELED", "uuid": order.id, "payload": {"resource": resource}}
    body = json.dumps(said).encode()
    mark = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert stage.hooks.take
    await stage.hooks.take(
        f"/hooks/tremendous/{TOKEN}", {"tremendous-webhook-signature": f"sha256={mark}"}, body
    )
    grant = await case.parked("order_lost")
    stage.watch(grant.workflow_id)
    assert grant.workflow_id == f"aftercare:{case.id}:hook-{order.id}"


async def test_a_stranger_is_recorded_once_its_time_is_over(stage: Stage) -> None:
    hook = ProviderHook(
        provider="runa",
        event_id="msg_stranger",
        provider_order_id="O-STRANGER",
        patience=timedelta(seconds=3),
    )
    found = await stage.client.execute_workflow(
        HOOK_WORKFLOW, hook, id="hook:runa:msg_stranger", task_queue=WORKFLOW_QUEUE
    )
    stage.watch("hook:runa:msg_stranger")
    assert found is False
    (event,) = await rows(stage.database, Event, type="hook.unmatched")
    assert event.data["provider_order_id"] == "O-STRANGER"


async def test_a_reward_that_the_provider_does_not_know_is_recorded_too(stage: Stage) -> None:
    hook = ProviderHook(
        provider="tremendous",
        event_id="unknown-reward",
        reward_id="NOSUCHREWARD",
        patience=timedelta(seconds=3),
    )
    found = await stage.client.execute_workflow(
        HOOK_WORKFLOW, hook, id="hook:tremendous:unknown-reward", task_queue=WORKFLOW_QUEUE
    )
    stage.watch("hook:tremendous:unknown-reward")
    assert found is False
    told = await rows(stage.database, Event, type="hook.unmatched")
    assert "NOSUCHREWARD" in [event.data["reward_id"] for event in told]
