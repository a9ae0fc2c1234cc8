"""One of a referrer's conversions at a time is let in, and then a rest.

Everything behind the API is one queue after another: workflow tasks, the referrer's row, orders,
looks at them. A code that many friends use in one moment would fill each of them, and the next
friend of another code would stand behind all, each time. So the crowd waits in the intake table,
and the facts tell when the next may follow.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import bindparam, or_, select
from sqlmodel import col

from domain.grants import GrantStatus
from domain.referrals import Pause, ReferralStatus
from store.database import Database
from store.tables import Grant, Order, Referral

PATIENCE = 1.0
"""Seconds after which one that does not get through holds nobody up any longer: workers may be
down, or a provider's lane slow."""

_NOT_YET_ORDERED = (
    select(col(Grant.id))
    .outerjoin(Order, col(Order.grant_id) == col(Grant.id))
    .where(
        col(Grant.referral_id) == col(Referral.id),
        col(Grant.status) == GrantStatus.ORDERING,
        col(Grant.reward)["kind"].as_string() == "gift_card",
        col(Order.id).is_(None),
    )
    .exists()
)
# Judged or held, and its orders begun. What the provider makes of them can take days.
_THROUGH = select(col(Referral.id)).where(
    col(Referral.id).in_(bindparam("ids", expanding=True)),
    or_(col(Referral.status) != ReferralStatus.CONVERTED, col(Referral.reason).in_(Pause)),
    ~_NOT_YET_ORDERED,
)


class _Inside(NamedTuple):
    referral_id: str
    since: float
    until: float
    """When the next may follow, at the latest."""
    seen: bool = False
    """Somebody waited for it while it was not through yet."""
    through: bool = False


class ReferrerThrottle:
    """For this process alone: there are few, and each lets in one of a referrer. Once it is
    through, the next waits as long again (`rest` times as long): half of the time is others'."""

    def __init__(
        self, database: Database, *, patience: float = PATIENCE, rest: float = 1.0
    ) -> None:
        self._database, self._patience, self._rest = database, patience, rest
        self._inside: dict[str, _Inside] = {}
        """By referrer, the earliest first."""

    def admits(self, referrer_id: Any) -> bool:
        """May one of the referrer's come in now?"""
        inside = self._inside.get(referrer_id)
        return inside is None or inside.until <= time.monotonic()

    def enter(self, referrer_id: str, referral_id: str) -> None:
        """Let it in."""
        present = time.monotonic()
        self.leave(referrer_id)
        self._inside[referrer_id] = _Inside(referral_id, present, present + self._patience)
        for earliest in list(islice(self._inside, 2)):  # so that they never become many
            if self._inside[earliest].until <= present:
                self.leave(earliest)

    def leave(self, referrer_id: str) -> None:
        """It was not sent after all."""
        self._inside.pop(referrer_id, None)

    async def look(self, awaited: Iterable[Any]) -> None:
        """See whether those are through for whom others of their referrers wait."""
        asked = {
            inside.referral_id: referrer_id
            for referrer_id in awaited
            if (inside := self._inside.get(referrer_id)) and not inside.through
        }
        if not asked:
            return
        async with self._database.reading() as session:
            through = set(await session.scalars(_THROUGH, {"ids": list(asked)}))
        for referral_id, referrer_id in asked.items():
            self._note(referrer_id, referral_id, through=referral_id in through)

    def _note(self, referrer_id: str, referral_id: str, *, through: bool) -> None:
        inside = self._inside.get(referrer_id)
        if inside is None or inside.referral_id != referral_id:
            return
        if not through:
            self._inside[referrer_id] = inside._replace(seen=True)
        elif not inside.seen:  # nobody knows for how long it has been through
            self.leave(referrer_id)
        else:
            present = time.monotonic()
            until = present + self._rest * (present - inside.since)
            self._inside[referrer_id] = inside._replace(until=until, through=True)
