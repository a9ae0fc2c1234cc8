"""A message by its workflow: from a referral's event to a signed call, once."""

from __future__ import annotations

import asyncio

from activities.messages.distribute import distribute
from domain.ids import message_workflow_id
from domain.messaging.channels import Channel
from domain.messaging.templates import Template
from store.messages.start import start_overdue
from store.tables import Event, Message
from tests.builders import add_grant, alter, in_past, one, rows, terms
from tests.messaging import add_distribution, plan_messages
from tests.receiver import Receiver
from tests.workflows.stage import Stage

CALL = Template(name="call", channel=Channel.HTTP, body={"amount": "{{ reward.amount }}"})


async def test_a_delivered_card_is_told_to_both_sides_once_and_a_retry_waits_in_the_workflow(
    stage: Stage,
) -> None:
    receiver = Receiver()
    receiver.statuses = [503, 200]
    await receiver.open()
    plan = {"channel": "http", "url": receiver.url, "vault": stage.vault}
    await add_distribution(stage.database, "grant.delivered", CALL, **plan)
    case = await stage.converted(terms())
    await case.reaches("completed")
    await distribute(stage.database, stage.client)
    messages = await rows(stage.database, Message)
    assert len(messages) == 2
    for message in messages:
        handle = stage.watch(message_workflow_id(message.id))
        await asyncio.wait_for(handle.result(), 60)
    assert {message.status for message in await rows(stage.database, Message)} == {"sent"}
    assert {each.headers["webhook-id"] for each in receiver.received} == {
        message.id for message in messages
    }
    assert len(receiver.received) == 3
    assert receiver.received[-1].content == {"amount": "$15.00"}
    assert len(await rows(stage.database, Event, type="message.sent")) == 2
    await receiver.close()


async def test_a_message_whose_workflow_was_never_started_is_started_by_the_redrive(
    stage: Stage,
) -> None:
    receiver = Receiver()
    await receiver.open()
    plan = {"channel": "http", "url": receiver.url, "vault": stage.vault}
    id = await add_distribution(stage.database, "grant.created", "call", **plan)
    await add_grant(stage.database)
    await plan_messages(stage.database)
    message = await one(stage.database, Message, distribution_id=id)
    await alter(stage.database, message, next_at=in_past(minutes=2))
    await start_overdue(stage.database, stage.client)
    await asyncio.wait_for(stage.watch(message_workflow_id(message.id)).result(), 60)
    assert (await one(stage.database, Message, id=message.id)).status == "sent"
    assert len(receiver.received) == 1
    await receiver.close()
