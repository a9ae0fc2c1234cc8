"""Alarms reach the staff by whatever Apprise knows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.messages.alarms import Alarms
from activities.messages.senders import Senders
from activities.outbound import Outbound
from domain.messaging.channels import Channel
from domain.messaging.templates import Template
from store.database import Database
from tests.mail_server import Mailbox
from tests.messaging import Mailing, activities_for, add_distribution
from tests.receiver import Receiver

ALARM = Template(
    name="alarm", channel=Channel.ALARM, subject="{{ event.title }}", text="{{ event.detail }}"
)


async def test_a_stopped_lane_is_told_to_the_staff_once_it_can_be(database: Database) -> None:
    receiver = Receiver()
    receiver.statuses = [503, 200]
    await receiver.open()
    alarms = Alarms([f"json://127.0.0.1:{receiver.port}/"])
    senders = Senders(Outbound(allow_private=False, within=timedelta(seconds=5)), None, alarms)
    post = Mailing(database, Mailbox(), senders, activities_for(database, senders))
    await add_distribution(database, "lane.stopped", ALARM, channel="alarm")
    async with database.transaction() as tx:
        words = "the balance does not cover the order"
        tx.record("lane.stopped", "Orders at runa stopped", detail=words, data={"provider": "runa"})
    (message,) = await post.send_all()
    assert message.status == "waiting"
    await post.lapse(message)
    (message,) = await post.send()
    assert (message.status, message.recipient) == ("sent", "staff")
    content = receiver.received[-1].content
    assert (content["title"], content["message"]) == ("Orders at runa stopped", words)
    await receiver.close()


def test_an_address_that_apprise_does_not_know_is_refused_and_not_quoted() -> None:
    with pytest.raises(ValueError, match="number 2") as caught:
        Alarms(["json://127.0.0.1/", "nonsense://secret-token"])
    assert "secret-token" not in str(caught.value)
