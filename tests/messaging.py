"""Builders for messages: distributions of the ready mails, and a sender with a real mail server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from temporalio.testing import ActivityEnvironment

from activities.messages.envelope import Sender
from activities.messages.mailer import Mailer
from activities.messages.send import MessageActivities
from activities.messages.senders import Senders
from activities.messages.smtp import Server
from activities.outbound import Outbound
from domain.messaging.distributions import Distribution
from domain.messaging.templates import Template
from store.access.vault import Vault
from store.database import Database
from store.messages import distributions, templates
from store.messages.distributions import Target
from store.messages.planning import read_on
from store.tables import Message, MessageTemplate
from tests.builders import alter, in_past, number, one, rows
from tests.mail_server import Mailbox, serving
from tests.ordering import VAULT

PUBLIC_URL = "https://guerdon.example"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


async def add_distribution(
    database: Database,
    trigger: str,
    template: str | Template,
    *,
    vault: Vault = VAULT,
    **changes: Any,
) -> str:
    """One by e-mail, of a ready template or a new one; answers its id. It is about what happens
    from now on."""
    async with database.transaction() as tx:
        if isinstance(template, Template):
            await templates.create(tx, template, None)
            template = template.name
        elif not await rows(database, MessageTemplate):
            await templates.add_ready(tx)
    given = {"name": f"distribution {number()}", "trigger": trigger, "template": template}
    url = changes.pop("url", None)
    plan = Distribution.model_validate(given | {"channel": "email"} | changes)
    target = Target(url, SECRET) if url else None
    async with database.transaction() as tx:
        return await distributions.create(tx, plan, target, vault)


async def plan_messages(database: Database) -> list[Message]:
    """Read all events, as the sweep does; answers every message that there is."""
    while (await read_on(database)).has_more:
        pass
    return await rows(database, Message)


class Mailing(NamedTuple):
    """The activity that sends, and the mailbox where its mails lie."""

    database: Database
    box: Mailbox
    senders: Senders
    activities: MessageActivities

    async def send(self, *messages: Message) -> list[Message]:
        """Send these, or all; answers all messages as they are then."""
        for message in messages or await rows(self.database, Message):
            await ActivityEnvironment().run(self.activities.send_message, message.id)
        return await rows(self.database, Message)

    async def send_all(self) -> list[Message]:
        """Plan and send whatever happened."""
        await plan_messages(self.database)
        return await self.send()

    async def lapse(self, message: Message) -> None:
        """Its claim has run out, and its pause is over."""
        stored = await one(self.database, Message, id=message.id)
        past = in_past(seconds=1)
        await alter(self.database, stored, claimed_until=past, next_at=past)


def activities_for(database: Database, senders: Senders, vault: Vault = VAULT) -> MessageActivities:
    return MessageActivities(database, vault, senders, PUBLIC_URL, timedelta(seconds=10))


def senders_at(port: int) -> Senders:
    """They send mails to the server at this port, and call any address."""
    server = Server.parse(f"smtp+plain://localhost:{port}")
    sender = Sender.parse("Acme Shop <hello@acme.example>", "bounces@acme.example")
    outbound = Outbound(allow_private=True, within=timedelta(seconds=5))
    return Senders(outbound, Mailer(server, sender, allow_private=True, within=5.0), None)


@asynccontextmanager
async def mailing(database: Database) -> AsyncIterator[Mailing]:
    """With a mail server of its own."""
    box = Mailbox()
    async with serving(box) as port:
        senders = senders_at(port)
        try:
            yield Mailing(database, box, senders, activities_for(database, senders))
        finally:
            await senders.close()
