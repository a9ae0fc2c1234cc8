"""Dispatches at most one conversion per referrer at a time, followed by a pause.

Everything behind the API is a queue: workflow tasks, the referrer's row, orders, polls. A code that
many friends use at once would fill each of them, and friends of other codes would wait behind all
of these. So the burst waits in the intake table, and the facts decide when the next conversion may
follow.
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
"""Seconds after which one that does not finish stops blocking the next: workers may be down, or a
provider slow.
"""

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
# Judged or held, and its orders begun. The provider may then take days.
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
    """Another one waited for it before it was done."""
    through: bool = False


class ReferrerThrottle:
    """For one API process: there are few, and each admits one conversion per referrer. After it the
    next waits as long again (`rest` times as long), so that half of the time is left for others.
    """

    def __init__(
        self, database: Database, *, patience: float = PATIENCE, rest: float = 1.0
    ) -> None:
        self._database, self._patience, self._rest = database, patience, rest
        self._inside: dict[str, _Inside] = {}
        """By referrer, the earliest first."""

    def admits(self, referrer_id: Any) -> bool:
        """Whether the referrer's next conversion may be dispatched."""
        inside = self._inside.get(referrer_id)
        return inside is None or inside.until <= time.monotonic()

    def enter(self, referrer_id: str, referral_id: str) -> None:
        """Admit it."""
        present = time.monotonic()
        self.leave(referrer_id)
        self._inside[referrer_id] = _Inside(referral_id, present, present + self._patience)
        for earliest in list(islice(self._inside, 2)):  # so that there are never many
            if self._inside[earliest].until <= present:
                self.leave(earliest)

    def leave(self, referrer_id: str) -> None:
        """It was not sent after all."""
        self._inside.pop(referrer_id, None)

    async def look(self, awaited: Iterable[Any]) -> None:
        """Check whether the conversions are done that others of their referrers wait for."""
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
        elif not inside.seen:  # unknown for how long it has been done
            self.leave(referrer_id)
        else:
            present = time.monotonic()
            until = present + self._rest * (present - inside.since)
            self._inside[referrer_id] = inside._replace(until=until, through=True)
