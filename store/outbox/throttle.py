"""Gives each referrer a fair share of the work behind the API.

Behind the API work waits in line at workflow tasks, at the referrer's row and at providers. Without
shares, a code that many friends use in one moment would fill every line, and the next friend of
another code would stand at the end of each. So the crowd waits in the intake table instead: every
referrer always has one place, and referrers that need more share a few further places in turn."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice
from typing import Any

from sqlalchemy import bindparam, or_, select
from sqlmodel import col

from domain.grants import GrantStatus
from domain.referrals import Pause, ReferralStatus
from store.database import Database
from store.tables import Grant, Order, Referral

PATIENCE = 1.0
"""Seconds after which a message no longer counts as being worked on, though it is not finished:
workers may be down, or a provider slow."""
SHARED = 2
"""Places besides each referrer's own. A hot code's conversions are judged one after the other, but
while one is judged, another can be ordered and a third begun."""

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
# Done: judged or on hold, and its orders are begun. The provider may take days after that.
_THROUGH = select(col(Referral.id)).where(
    col(Referral.id).in_(bindparam("ids", expanding=True)),
    or_(col(Referral.status) != ReferralStatus.CONVERTED, col(Referral.reason).in_(Pause)),
    ~_NOT_YET_ORDERED,
)


class ReferrerThrottle:
    """Which messages this process has sent that are still being worked on. There are few API
    processes, and each counts for itself."""

    def __init__(
        self, database: Database, *, patience: float = PATIENCE, shared: int = SHARED
    ) -> None:
        self._database, self._patience, self._shared = database, patience, shared
        self._inside: dict[str, dict[str, float]] = {}
        """By referrer and referral: until when it takes a place at most. Earliest first."""

    def admits(self, referrer_id: Any) -> bool:
        """Whether there is a place for one more of this referrer's messages."""
        own = self._inside.get(referrer_id)
        if not own:
            return True
        present = time.monotonic()
        if any(until <= present for until in own.values()):
            self._inside[referrer_id] = {id: until for id, until in own.items() if until > present}
            return self.admits(referrer_id)
        return sum(len(inside) - 1 for inside in self._inside.values() if inside) < self._shared

    def enter(self, referrer_id: str, referral_id: str) -> None:
        """Take a place."""
        present = time.monotonic()
        for earliest in list(islice(self._inside, 2)):  # so that they never become many
            if all(until <= present for until in self._inside[earliest].values()):
                del self._inside[earliest]
        self._inside.setdefault(referrer_id, {})[referral_id] = present + self._patience

    def leave(self, referrer_id: str, referral_id: str) -> None:
        """Give the place back: it is done, or was not sent after all."""
        self._inside.get(referrer_id, {}).pop(referral_id, None)

    async def look(self, awaited: Iterable[Any]) -> None:
        """Find out which messages are done, of referrers who have others waiting."""
        asked = {id: referrer for referrer in awaited for id in self._inside.get(referrer, ())}
        if not asked:
            return
        async with self._database.reading() as session:
            for referral_id in await session.scalars(_THROUGH, {"ids": list(asked)}):
                self.leave(asked[referral_id], referral_id)
