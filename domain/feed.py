"""Following the events: a place in their order, and which of them are asked for.

Events are ordered by the transaction that wrote them, then by their number in it. Once every
transaction before a place is over, nothing can appear before it any more.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import StringConstraints

from domain.ids import Prefix

EVENT_ID = rf"^{Prefix.EVENT}_[0-7][0-9a-f]{{15}}[0-7][0-9a-f]{{15}}$"
"""Every event's id looks like this."""


class Place(NamedTuple):
    """Where an event stands. Places are ordered like the ids that stand for them."""

    xid: int
    seq: int

    @property
    def id(self) -> str:
        """`evt_` and 32 hexadecimal digits: an event's id is its place."""
        return f"{Prefix.EVENT}_{self.xid:016x}{self.seq:016x}"

    @classmethod
    def of(cls, id: str) -> Place:
        """Of an id that matches EVENT_ID; else ValueError."""
        digits = id.removeprefix(f"{Prefix.EVENT}_")
        return cls(int(digits[:16], 16), int(digits[16:], 16))


BEGINNING = Place(0, 0)
"""Before every event."""

TypePattern = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)$")
]
"""An event's type, the beginning of several (`lane.*`), or all of them (`*`)."""


_ASKED = ("referral.reversal_asked", "referral.reinstatement_asked", "wallet.returned")


def told_by_a_person(type: str, source: str) -> bool:
    """Whether its `detail` is somebody's own words. They may name a person, so they are read in
    the story that they belong to, and travel no further."""
    return source == "staff" or type in _ASKED
