"""What an attempt to send a message found out."""

from __future__ import annotations

from typing import NamedTuple

from domain.messaging.sending import Result


class Outcome(NamedTuple):
    """`detail` is shown to staff and stored: it quotes no address, for servers repeat it."""

    result: Result
    detail: str | None = None


ACCEPTED = Outcome(Result.ACCEPTED)
