"""No lock and no constraint is forgotten: each is taken away in some test, or there is a reason."""

from __future__ import annotations

from sqlalchemy import text

from store.database import Database
from tests.proofs.accounted import (
    CONSTRAINTS,
    UNASKED_CONSTRAINTS,
    UNPLAYED_LOCKS,
    carries_a_rule,
    locks,
)
from tests.proofs.removals import REMOVALS
from tests.proofs.removals_of_codes import REMOVALS_OF_CODES
from tests.proofs.removals_of_returns import REMOVALS_OF_RETURNS

_ALL = (*REMOVALS, *REMOVALS_OF_CODES, *REMOVALS_OF_RETURNS)


def test_every_lock_is_taken_away_or_has_a_reason() -> None:
    taken = {lock for removal in _ALL for lock in removal.locks}
    assert not taken & UNPLAYED_LOCKS.keys()
    assert set(locks()) == taken | UNPLAYED_LOCKS.keys()


async def test_every_constraint_is_taken_away_or_has_a_reason(database: Database) -> None:
    taken = {removal.constraint for removal in _ALL if removal.constraint}
    async with database.reading() as session:
        found = (await session.execute(text(CONSTRAINTS))).all()
    stored = {one.name for one in found if one.name in taken or carries_a_rule(one.definition)}
    assert not taken & UNASKED_CONSTRAINTS.keys()
    assert stored == taken | UNASKED_CONSTRAINTS.keys()
