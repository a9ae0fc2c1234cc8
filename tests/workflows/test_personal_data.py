"""Invariant 7: no personal data and no bearer value in any history, nor in the worker's log."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from builders import (
    add_campaign,
    add_code,
    add_customer,
    alter,
    conversion,
    every_friend,
    gift_card,
    number,
    points,
    rows,
    terms,
)
from frontdoor import front_door
from provider import Hooks, Simulator
from saying import METADATA, everything, text_of
from stage import Case, Stage, eventually
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import HistoryEvent
from temporalio.testing import WorkflowEnvironment
from worker_process import WorkerProcess, worker_process

from domain.campaigns import CampaignTerms
from domain.customers import Address
from domain.ids import aftercare_workflow_id
from domain.messages import (
    AFTERCARE_WORKFLOW,
    REDRIVE_WORKFLOW,
    STORY,
    WORKFLOW_QUEUE,
    AftercareStart,
    GrantTask,
)
from domain.rewards import Personalization
from store.crypto import Vault
from store.database import Database
from store.tables import Claim, Order
from worker.settings import WorkerSettings

KEYS = f"k1:{base64.b64encode(b'zyxqvut'.ljust(32)).decode()}"
ACCESS_TOKEN = "zyxqvut-access-token"
NEEDLES = (
    *("zyxqv", "brmblfrd", "155509876", "qwxyzlane", "wrtzpl", "vbnmville", "zq7wkx"),
    *("kwjzzq", "pqowieur", "claim.giftcard-partners", KEYS.partition(":")[2].lower()),
)
"""Parts of everything personal or secret below, in lower case."""

WORDS = Personalization(
    from_name="Pqowieur", from_email="pqowieur@example.com", message="Pqowieur says hello"
)


class Lives(NamedTuple):
    """Referrals of people who are easily found again, and what was said of each workflow."""

    stage: Stage
    worker: WorkerProcess
    said: dict[str, str]


async def add_person(stage: Stage, **changes: object) -> str:
    """Somebody whose every word is a needle."""
    n = number()
    given: dict[str, object] = {
        "source_id": f"src-kwjzzq-{n}",
        "name": "Zyxqvüt Brmblfrd",
        "email": f"zyxqvut{n}@example.com",
        "phone": f"+155509876{n % 100:02}",
        "address": Address(
            line_1="77 Qwxyzlane",
            line_2="Wrtzpl",
            city="Vbnmville",
            state="IL",
            postal_code="ZQ7WKX",
            country="US",
        ),
    }
    return await add_customer(stage.database, **given | changes)


async def referred(stage: Stage, of: CampaignTerms, **friend: object) -> Case:
    """One such person refers another, who converts."""
    campaign_id = await add_campaign(stage.database, of)
    code = await add_code(stage.database, campaign_id, await add_person(stage))
    event_id = f"zyxqvut{number()}@example.com"
    return await stage.converted_with(code, await add_person(stage, **friend), event_id=event_id)


def every_delivery() -> list[CampaignTerms]:
    """By e-mail and as a link, by post and by text message."""
    posted = gift_card(50_00, product_id="VISA-PLASTIC", delivery="post", personalization=WORDS)
    linked = gift_card(delivery="link", personalization=WORDS)
    mailed = gift_card(personalization=WORDS)
    texted = gift_card(delivery="sms", personalization=WORDS)
    return [
        terms(every_friend(linked), referee_reward=mailed),
        terms(every_friend(texted), referee_reward=posted),
    ]


async def badly_answered(stage: Stage) -> list[Case]:
    """Orders whose answers get lost or garbled: each attempt fails in its own words."""
    rates = {"drop_after": 0.3, "garbage": 0.2, "error_after": 0.2}
    await stage.simulator.put("faults", seed=7, rates=rates)
    cases = [await referred(stage, of) for of in every_delivery()]
    await asyncio.gather(*(case.result(60) for case in cases))
    await stage.simulator.put("faults", seed=7, rates={})
    return cases


async def refused(stage: Stage) -> Case:
    """An order that the provider refuses for what it says of the person."""
    texted = terms(referee_reward=gift_card(delivery="sms", personalization=WORDS), tiers=())
    case = await referred(stage, texted, phone="Zyxqvut's own")
    grant = await case.parked("order_rejected")
    await stage.correct(case.referee_id, phone="+15550987600")
    async with front_door(stage) as door:
        await door.ask("retry", grant.id, reason="Zyxqvut Brmblfrd called")
    await case.result()
    return case


async def told_too_late(stage: Stage) -> Case:
    """A conversion that the workflow learns of from the database, at its window's end."""
    campaign_id = await add_campaign(stage.database, terms(referee_reward=points(), tiers=()))
    code = await add_code(stage.database, campaign_id, await add_person(stage))
    case = await stage.signed_up_with(code, await add_person(stage))
    await stage.accept(conversion(case.referee_id, event_id="zyxqvut-late@example.com"))
    await case.skip(days=30, seconds=2)
    await case.result()
    return case


async def broken(stage: Stage) -> Case:
    """An order whose stored request cannot be read, and is quoted by the error that says so."""
    await stage.simulator.funds(0)
    case = await referred(stage, terms(referee_reward=gift_card(), tiers=()))
    grant = await case.parked("insufficient_funds")
    await stage.simulator.funds(1_000_00)
    (order,) = await case.orders()
    assert order.request is not None
    readable = dict(order.request)
    await alter(stage.database, order, request={"recipient": "zyxqvut@example.com"})
    await case.retry(grant.id)
    await eventually(lambda: stage.failed_once(case))
    await alter(stage.database, order, request=readable)
    await case.result(30)
    return case


async def small_ones(stage: Stage, case: Case) -> list[str]:
    """An aftercare and a redrive; answers their ids."""
    grant = (await case.grants())[0]
    start = AftercareStart(
        referral_id=case.id, task=GrantTask(grant_id=grant.id, provider="giftcard-partners")
    )
    aftercare, redrive = aftercare_workflow_id(case.id, "req_1"), "redrive-personal"
    for name, arguments, workflow_id in (
        (AFTERCARE_WORKFLOW, [start], aftercare),
        (REDRIVE_WORKFLOW, [], redrive),
    ):
        await stage.client.execute_workflow(
            name, args=arguments, id=workflow_id, task_queue=WORKFLOW_QUEUE
        )
        stage.watch(workflow_id)
    return [aftercare, redrive]


async def told(stage: Stage, workflow_id: str) -> str:
    """Everything of one workflow, also what it answers when it is asked."""
    queries = [METADATA] if workflow_id.startswith("redrive") else [METADATA, STORY]
    return await everything(stage.client, stage.watch(workflow_id), *queries)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lives(
    module_database: Database,
    temporal: WorkflowEnvironment,
    simulator_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Lives]:
    """Live them, over a worker process; then collect what Temporal keeps of them."""
    simulator, hooks = Simulator(simulator_url), Hooks()
    await hooks.open()
    settings = WorkerSettings(public_url=hooks.url, max_delay_seconds=1)
    stage = Stage(module_database, temporal, simulator, hooks, settings, Vault(KEYS))
    hooks.hear = stage.relay
    await simulator.reset()
    log: Path = tmp_path_factory.mktemp("worker") / "worker.log"
    async with worker_process(_environment(stage), log) as worker:
        cases = await badly_answered(stage)
        cases += [await live(stage) for live in (refused, broken, told_too_late)]
        ids = [case.handle.id for case in cases] + await small_ones(stage, cases[0])
        yield Lives(stage, worker, {id: await told(stage, id) for id in ids})
    await hooks.close()
    await simulator.close()


def _environment(stage: Stage) -> dict[str, str]:
    url = stage.database.engine.url.set(drivername="postgresql")
    return {
        "GUERDON_DATABASE_URL": url.render_as_string(hide_password=False),
        "GUERDON_ENCRYPTION_KEYS": KEYS,
        "GUERDON_PUBLIC_URL": stage.hooks.url,
        "GUERDON_MAX_DELAY_SECONDS": "1",
        "GUERDON_GIFTCARD_PARTNERS_URL": f"{stage.simulator.url}/giftcard-partners",
        "GUERDON_GIFTCARD_PARTNERS_EMAIL": "zyxqvut-buyer@example.com",
        "GUERDON_GIFTCARD_PARTNERS_ACCESS_TOKEN": ACCESS_TOKEN,
        "TEMPORAL_ADDRESS": stage.client.service_client.config.target_host,
    }


async def bearer_values(stage: Stage) -> set[str]:
    """Claim links, challenge answers, webhook addresses, the database's password."""
    values = {order.hook_token for order in await rows(stage.database, Order)}
    for claim in await rows(stage.database, Claim):
        secret = json.loads(stage.vault.decrypt(claim.ciphertext, claim.order_id))
        values |= {secret["link"], secret["link"].rpartition("/")[2], secret["challenge_answer"]}
    values.add(str(stage.database.engine.url.password))
    return values


async def test_the_referrals_were_lived_through_failures(lives: Lives) -> None:
    """Else there would have been nothing to tell."""
    log, said = lives.worker.log(), "\n".join(lives.said.values())
    assert len(lives.said) == 7
    assert "unforeseen ValidationError" in said
    assert "activity.unforeseen" in log
    assert "lastFailure" in said
    orders = await rows(lives.stage.database, Order)
    assert {json.dumps(order.request) for order in orders if "zyxqvut" in json.dumps(order.request)}
    assert await rows(lives.stage.database, Claim)


async def test_no_history_names_anybody(lives: Lives) -> None:
    found = {
        (workflow_id, needle)
        for workflow_id, said in lives.said.items()
        for needle in NEEDLES
        if needle in said.lower()
    }
    assert found == set()


async def test_no_history_holds_a_bearer_value(lives: Lives) -> None:
    values = await bearer_values(lives.stage)
    assert len(values) > 10
    said = "\n".join(lives.said.values())
    assert {value for value in values if value in said} == set()


async def test_nor_does_the_workers_log(lives: Lives) -> None:
    log = lives.worker.log()
    assert "worker.started" in log
    assert {needle for needle in NEEDLES if needle in log.lower()} == set()
    assert {value for value in await bearer_values(lives.stage) if value in log} == set()


async def test_workflow_ids_and_order_keys_hold_nothing_of_the_callers(lives: Lives) -> None:
    said = "\n".join(
        [*lives.said, *(order.key for order in await rows(lives.stage.database, Order))]
    )
    assert {needle for needle in NEEDLES if needle in said.lower()} == set()


class TestTheSearchItself:
    """A search that finds nothing proves something only if it would find it."""

    async def test_sees_what_histories_do_hold(self, lives: Lives) -> None:
        for workflow_id, said in lives.said.items():
            assert workflow_id in said
        said = "\n".join(lives.said.values())
        # A signal's payload, a summary, a search attribute, current details.
        for words in ("event_id", "Referral ref_", "GuerdonCampaign", "Ended: completed."):
            assert words in said

    @pytest.mark.parametrize(
        "field",
        [
            "workflow_execution_started_event_attributes.input.payloads",
            "workflow_execution_signaled_event_attributes.input.payloads",
            "activity_task_completed_event_attributes.result.payloads",
        ],
    )
    def test_sees_into_lists_of_payloads(self, field: str) -> None:
        event = HistoryEvent()
        target: Any = event
        for name in field.split("."):
            target = getattr(target, name)
        target.append(_secret())
        assert "Zyxqvüt" in text_of(event)

    def test_sees_into_maps_failures_and_summaries(self) -> None:
        events = [HistoryEvent() for _ in range(5)]
        events[0].user_metadata.summary.CopyFrom(_secret())
        started = events[1].workflow_execution_started_event_attributes
        started.memo.fields["note"].CopyFrom(_secret())
        events[2].marker_recorded_event_attributes.details["data"].payloads.append(_secret())
        failure = events[3].activity_task_started_event_attributes.last_failure
        failure.cause.application_failure_info.details.payloads.append(_secret())
        events[4].activity_task_started_event_attributes.last_failure.cause.message = "Zyxqvüt"
        assert all("Zyxqvüt" in text_of(event) for event in events)


def _secret() -> Payload:
    data = json.dumps("Zyxqvüt").encode()
    return Payload(metadata={"encoding": b"json/plain"}, data=data)
