"""Positions in the event log, and filters by type.

Events are ordered by the transaction that wrote them, then by their number in it. Once every
transaction before a position is finished, nothing can appear before it any more."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import StringConstraints

from domain.ids import Prefix

EVENT_ID = rf"^{Prefix.EVENT}_[0-7][0-9a-f]{{15}}[0-7][0-9a-f]{{15}}$"
"""The form of every event id."""


class Place(NamedTuple):
    """An event's position. Positions sort like the ids made from them."""

    xid: int
    seq: int

    @property
    def id(self) -> str:
        """`evt_` and 32 hexadecimal digits: an event's id encodes its position."""
        return f"{Prefix.EVENT}_{self.xid:016x}{self.seq:016x}"

    @classmethod
    def of(cls, id: str) -> Place:
        """The position in an id that matches EVENT_ID; else ValueError."""
        digits = id.removeprefix(f"{Prefix.EVENT}_")
        return cls(int(digits[:16], 16), int(digits[16:], 16))


BEGINNING = Place(0, 0)
"""Before every event."""

TypePattern = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)$")
]
"""An event's type, a prefix of several (`lane.*`), or all of them (`*`)."""


_ASKED = ("referral.reversal_asked", "referral.reinstatement_asked", "wallet.returned")


def written_by_a_person(type: str, source: str) -> bool:
    """Whether `detail` contains words that a person wrote. They may name somebody, so they are
    shown in the timeline only."""
    return source == "staff" or type in _ASKED
