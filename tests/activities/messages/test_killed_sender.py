"""`kill -9` of whoever sends, between all steps: nobody gets a mail twice, and each that was not
sent is shown. `make message-crashes` kills 200 times."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle

import pytest

from store.database import Database
from store.tables import Message
from tests.activities.messages.test_sending import HERE, delivered_with_link
from tests.builders import add_grant, few_at_once, rows
from tests.mail_server import Mailbox, serving
from tests.messaging import Mailing, activities_for, add_distribution, plan_messages, senders_at
from tests.ordering import deliver

CRASHES = int(os.environ.get("CRASHES", "15"))
_STEPS = cycle(["EHLO", "RCPT", "DATA", "answered", "at any time"])
_CHANCE = random.Random(190)


class Killer:
    """Kills the process that sends, once it has come to a step."""

    def __init__(self) -> None:
        self.pid, self.step = 0, ""
        self.kills: Counter[str] = Counter()

    def heard(self, step: str) -> None:
        if step == self.step:
            self.kill()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
            self.kills[self.step] += 1
        self.step = ""


async def crash_all(url: str, port: int, messages: list[Message], killer: Killer) -> None:
    """Have each message sent by a process that is killed."""
    command = [sys.executable, "-m", "tests.activities.messages.sender_process", url, str(port)]
    pipe = asyncio.subprocess.PIPE
    sender = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert sender.stdin is not None
    assert sender.stdout is not None
    for message in messages:
        killer.step = next(_STEPS)
        sender.stdin.write(f"{message.id}\n".encode())
        killer.pid = int(await sender.stdout.readline())
        if killer.step == "at any time":
            await asyncio.sleep(_CHANCE.uniform(0, 0.2))
            killer.kill()
        assert await sender.stdout.readline() == b"ended\n"
    sender.stdin.close()
    await sender.wait()


@pytest.mark.timeout(900)
async def test_nobody_gets_a_mail_twice_and_each_that_was_not_sent_is_shown(
    database: Database, database_url: str, figure: Callable[[str], None]
) -> None:
    await add_distribution(database, *HERE)
    linked = {await delivered_with_link(database) for _ in range(CRASHES // 5)}
    plain = await few_at_once(add_grant(database) for _ in range(CRASHES - len(linked)))
    for grant in plain:
        await deliver(database, grant.id)
    messages = await plan_messages(database)
    _CHANCE.shuffle(messages)
    killer, box = Killer(), Mailbox()
    box.heard = killer.heard
    async with serving(box) as port:
        await crash_all(database_url, port, messages, killer)
        senders = senders_at(port)
        post = Mailing(database, box, senders, activities_for(database, senders))
        for _ in range(3):
            for message in await rows(database, Message):
                await post.lapse(message)
            after = await post.send()
        await senders.close()
    mails = Counter(mail["X-Guerdon-Message"] for mail in box.mails)
    assert {message.status for message in after} <= {"sent", "doubtful"}
    for message in after:
        if message.grant_id in linked:
            assert (message.status, mails[message.id] > 0) == ("sent", True)
        else:
            assert mails[message.id] <= 1
            assert message.status == "doubtful" or mails[message.id] == 1
    assert len({mail["Message-ID"] for mail in box.mails}) == len(mails)
    assert killer.kills.total() >= CRASHES * 3 // 5
    shown = sum(message.status == "doubtful" for message in after)
    figure(f"{killer.kills.total()} kills, {len(after)} messages, 0 twice, {shown} doubtful")
