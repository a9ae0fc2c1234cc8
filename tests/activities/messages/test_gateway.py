"""Text messages and other calls: signed, dropped by their id when repeated, never to a private
address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from standardwebhooks.webhooks import Webhook

from activities.messages.senders import Senders
from activities.outbound import Outbound
from domain.messaging.channels import Channel
from domain.messaging.templates import Template
from store.database import Database
from store.tables import Message
from tests.builders import add_grant, one
from tests.messaging import SECRET, Mailing, activities_for, add_distribution, plan_messages
from tests.ordering import deliver
from tests.receiver import Receiver

SHORT = Template(name="short", channel=Channel.SMS, text="{{ reward.amount }} for {{ role }}")
CALL = Template(name="call", channel=Channel.HTTP, body={"who": "{{ customer.id }}", "n": 1})


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    opened = Receiver()
    await opened.open()
    yield opened
    await opened.close()


async def waiting(database: Database, template: Template, url: str) -> Message:
    await add_distribution(database, "grant.delivered", template, channel=template.channel, url=url)
    await deliver(database, (await add_grant(database)).id)
    (message,) = await plan_messages(database)
    return message


async def test_a_text_message_is_a_signed_call_with_number_and_text(
    database: Database, post: Mailing, receiver: Receiver
) -> None:
    message = await waiting(database, SHORT, receiver.url)
    await post.send()
    (received,) = receiver.received
    body: Any = Webhook(SECRET).verify(received.body, received.headers)
    assert received.headers["webhook-id"] == message.id == body["id"]
    assert body["text"] == "$15.00 for referrer"
    assert body["to"].startswith("+1555")


async def test_an_unanswered_call_is_repeated_under_the_same_id(
    database: Database, post: Mailing, receiver: Receiver
) -> None:
    receiver.statuses = [0, 503, 200]
    message = await waiting(database, CALL, receiver.url)
    for _ in range(3):
        await post.send(message)
        await post.lapse(message)
    assert (await one(database, Message)).status == "sent"
    assert [each.headers["webhook-id"] for each in receiver.received] == [message.id] * 3
    assert receiver.received[0].content == {"who": message.customer_id, "n": 1}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "[::ffff:10.0.0.1]"]
)
async def test_a_private_address_is_never_called(
    database: Database, receiver: Receiver, host: str
) -> None:
    url = f"http://{host}:{receiver.port}/"
    message = await waiting(database, CALL, url)
    public_only = Outbound(allow_private=False, within=timedelta(seconds=5))
    senders = Senders(public_only, None, None)
    post = Mailing(database, None, senders, activities_for(database, senders))
    (message,) = await post.send()
    assert message.status == "bounced"
    assert "The address is not called" in (message.detail or "")
    assert receiver.received == []
