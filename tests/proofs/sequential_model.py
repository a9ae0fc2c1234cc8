"""The whole of it, one thing after another: short enough to check by eye.

One campaign, some referrers, each friend gets 5.00 in credits; a referrer 10.00 for each friend,
and 500 points for every third, which a reversal does not take back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FRIEND, EACH, EVERY = 5_00, 10_00, 3
COST = FRIEND + EACH


@dataclass
class Model:
    """What should be. `cap`: grants a referrer may get; `budget`: minor units."""

    cap: int
    budget: int
    reserved: int = 0
    judged: dict[str, str] = field(default_factory=dict)
    """Friend to referrer, of those that counted when they came."""
    refused: set[str] = field(default_factory=set)
    undone: set[str] = field(default_factory=set)
    friends: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    grants: set[tuple[str, str, int]] = field(default_factory=set)

    def convert(self, referrer: str, friend: str) -> None:
        """A friend's purchase. Only the first counts, for ever."""
        if friend in self.judged or friend in self.refused:
            return
        count = self.friends.get(referrer, 0) + 1
        number = self.numbers.get(referrer, 0) + 1
        new = {(referrer, "tier_every", number)}
        if count % EVERY == 0 and (referrer, "tier_many", count) not in self.grants:
            new.add((referrer, "tier_many", count))
        before = sum(1 for owner, _, _ in self.grants if owner == referrer)
        if before + len(new) > self.cap or self.reserved + COST > self.budget:
            self.refused.add(friend)
            return
        self.judged[friend] = referrer
        self.friends[referrer], self.numbers[referrer] = count, number
        self.grants |= new
        self.reserved += COST

    def reverse(self, friend: str) -> None:
        """All of a friend's purchase is refunded, before anything was paid out."""
        if friend not in self.judged or friend in self.undone:
            return
        self.undone.add(friend)
        self.friends[self.judged[friend]] -= 1
        self.reserved -= COST
