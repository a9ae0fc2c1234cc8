"""Fair shares of what lies behind the API.

Everything there is one queue after another: workflow tasks, the referrer's row, orders. A code that
many friends use in one moment would fill each of them, and the next friend of another code would
stand behind all, each time. So the crowd waits in the intake table: every referrer always has a
place, and those who need more share a few further ones in turn."""

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
"""Seconds after which one that does not get through holds nobody up any longer: workers may be
down, or a provider's lane slow."""
SHARED = 2
"""Places besides each referrer's own: a hot code's conversions are judged one after the other, but
while one is judged another can be ordered, and a third begun."""

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


class ReferrerThrottle:
    """Who is inside: sent by this process, and not through yet. There are few processes, and each
    has its own places."""

    def __init__(
        self, database: Database, *, patience: float = PATIENCE, shared: int = SHARED
    ) -> None:
        self._database, self._patience, self._shared = database, patience, shared
        self._inside: dict[str, dict[str, float]] = {}
        """By referrer and referral: until when it takes a place at most. The earliest first."""

    def admits(self, referrer_id: Any) -> bool:
        """May one of the referrer's come in now?"""
        own = self._inside.get(referrer_id)
        if not own:
            return True
        present = time.monotonic()
        if any(until <= present for until in own.values()):
            self._inside[referrer_id] = {id: until for id, until in own.items() if until > present}
            return self.admits(referrer_id)
        return sum(len(inside) - 1 for inside in self._inside.values() if inside) < self._shared

    def enter(self, referrer_id: str, referral_id: str) -> None:
        """Admit it."""
        present = time.monotonic()
        for earliest in list(islice(self._inside, 2)):  # so that they never become many
            if all(until <= present for until in self._inside[earliest].values()):
                del self._inside[earliest]
        self._inside.setdefault(referrer_id, {})[referral_id] = present + self._patience

    def leave(self, referrer_id: str, referral_id: str) -> None:
        """It is through, or was not sent after all."""
        self._inside.get(referrer_id, {}).pop(referral_id, None)

    async def look(self, awaited: Iterable[Any]) -> None:
        """See who is through, of those for whom others of their referrers wait."""
        asked = {id: referrer for referrer in awaited for id in self._inside.get(referrer, ())}
        if not asked:
            return
        async with self._database.reading() as session:
            for referral_id in await session.scalars(_THROUGH, {"ids": list(asked)}):
                self.leave(asked[referral_id], referral_id)
