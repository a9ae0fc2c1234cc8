"""Sends messages, each in a process of its own that can be killed: `python -m … URL PORT`.

It forks for each line of its input, a message's id, because to start Python anew takes a second."""

from __future__ import annotations

import asyncio
import os
import sys

from temporalio.testing import ActivityEnvironment

from store.database import Database
from tests.messaging import activities_for, senders_at


async def send(url: str, port: int, message_id: str) -> None:
    database, senders = Database(url), senders_at(port)
    activities = activities_for(database, senders)
    await ActivityEnvironment().run(activities.send_message, message_id)
    await senders.close()
    await database.dispose()


def main() -> None:
    url, port = sys.argv[1], int(sys.argv[2])
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(send(url, port, line.strip()))
            os._exit(0)
        print(pid, flush=True)  # noqa: T201 - read by the test
        os.waitpid(pid, 0)
        print("ended", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
