"""Tells the staff by whatever they use: chat, pager, mail. Apprise knows the services.

The addresses come from the deployment's settings alone: they contain tokens, and Apprise calls them
without our check of private targets."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from activities.messages.outcome import ACCEPTED, Outcome
from domain.messaging.sending import Result
from store.messages.claim import Attempt


class Alarms:
    """`urls`: in Apprise's form, such as `slack://…`. Raises ValueError for one it does not know;
    the error quotes none."""

    def __init__(self, urls: Sequence[str]) -> None:
        # Imported here: it loads a hundred services, and most deployments use none.
        import apprise

        # It logs addresses, and they contain tokens.
        logging.getLogger("apprise").disabled = True
        self._apprise: Any = apprise.Apprise()
        for number, url in enumerate(urls, start=1):
            if not self._apprise.add(url):
                raise ValueError(f"address number {number} is none that Apprise knows")

    async def send(self, attempt: Attempt) -> Outcome:
        """Tell everybody; never raises. Told twice is better than not at all."""
        try:
            told = await self._apprise.async_notify(
                title=attempt.rendered.subject or "",
                body=attempt.rendered.text or "",
                body_format="text",
                interpret_escapes=False,
            )
        except Exception as error:
            # Any error of any of its services: the message is tried again.
            return Outcome(Result.NOT_SENT, f"The alarm failed ({type(error).__name__}).")
        return ACCEPTED if told else Outcome(Result.NOT_SENT, "A service did not take the alarm.")
