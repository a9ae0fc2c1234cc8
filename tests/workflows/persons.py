"""Referrals of people who are easily found again, lived through every kind of failure."""

from __future__ import annotations

import asyncio
import base64

from domain.campaigns import CampaignTerms
from domain.customers import Address
from domain.ids import aftercare_workflow_id
from domain.messages import (
    AFTERCARE_WORKFLOW,
    REDRIVE_WORKFLOW,
    WORKFLOW_QUEUE,
    AftercareStart,
    GrantTask,
)
from domain.rewards import Personalization
from tests.builders import (
    add_campaign,
    add_code,
    add_customer,
    alter,
    conversion,
    every_friend,
    gift_card,
    number,
    points,
    terms,
)
from tests.workflows.case import Case, eventually
from tests.workflows.frontdoor import front_door
from tests.workflows.stage import Stage

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
    await eventually(case.failed_once)
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
