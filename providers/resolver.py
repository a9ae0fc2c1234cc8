"""Decides what may be done about an order with an unknown outcome. Uses capabilities alone."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from providers.protocol import Capabilities

_MARGIN = timedelta(hours=1)
"""Clocks differ and requests take time, so a key counts as expired a little early."""


class NextRequest(StrEnum):
    """The next move for an order."""

    SEND = "send"
    """Send it, for the first time or again under its key: safe here."""
    LOOK_UP = "look_up"
    """Do not send, which could buy a second card or reveal nothing new. Search for it."""


def next_request(
    capabilities: Capabilities, *, in_doubt: bool, repeats: int, age: timedelta
) -> NextRequest:
    """`repeats`: how often the key was sent while its outcome was in doubt. `age`: since it was
    first sent. A key is never sent past its life, and never replaced by a new one."""
    if not in_doubt:
        return NextRequest.SEND
    if capabilities.key_life is not None and age > capabilities.key_life - _MARGIN:
        return NextRequest.LOOK_UP
    if capabilities.most_repeats is not None and repeats > capabilities.most_repeats:
        return NextRequest.LOOK_UP
    return NextRequest.SEND
