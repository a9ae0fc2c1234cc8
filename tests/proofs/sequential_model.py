"""The whole of it, one thing after another: short enough to check by eye.

One campaign, some referrers. A friend gets 5.00 in credits, the referrer something for each friend,
and 7.00 for a number of them. Nothing is paid out, so what is undone is cancelled or made smaller.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

FRIEND, MANY, ORDER = 5_00, 7_00, 50_00
Key = tuple[str, str, int]
"""Recipient, reason, ordinal."""


class Terms(NamedTuple):
    """What a version of the campaign says; who has begun keeps it."""

    each: int
    """For each friend, minor units."""
    cap: int
    """Grants that a referrer may get."""
    each_cap: int
    """The same, of the tier for each friend."""
    many_cap: int
    """What the other tier gives in all."""
    uses: int
    """Conversions in all."""
    budget: int
    many: int = 2
    """So many friends earn the other tier's reward."""
    repeat: bool = True
    """And so many more do again."""


@dataclass
class Reached:
    """A milestone: the count that it was earned at, and the terms that promised it."""

    count: int
    terms: Terms
    undone: bool = False

    def needs(self) -> int:
        """The friends without whom it falls."""
        return self.count if self.terms.repeat else self.terms.many


@dataclass
class Friend:
    """One who came by somebody's code, and the terms that were promised."""

    referrer: str
    terms: Terms
    state: str = "waiting"
    number: int = 0
    refunds: dict[str, int] = field(default_factory=dict)
    order: str | None = None


@dataclass
class Model:
    """What should be. `undo`: a reversal takes milestones back."""

    terms: Terms
    undo: bool
    came: dict[str, Friend] = field(default_factory=dict)
    friends: Counter[str] = field(default_factory=Counter)
    numbers: Counter[str] = field(default_factory=Counter)
    grants: dict[Key, int] = field(default_factory=dict)
    """Every grant ever made, and what it is worth now; nothing, once it is undone."""
    milestones: dict[str, list[Reached]] = field(default_factory=lambda: defaultdict(list))
    rolled_back: set[str] = field(default_factory=set)

    def sign_up(self, referrer: str, who: str, *, converts: bool = False) -> None:
        """Only the first code counts; nobody begins where nothing is left or a cap is full."""
        left = self.terms.budget - sum(self.grants.values())
        room = self._has_room(referrer, converts=converts)
        if who not in self.came and left >= FRIEND and self._uses() < self.terms.uses and room:
            self.came[who] = Friend(referrer, self.terms)

    def _has_room(self, referrer: str, *, converts: bool) -> bool:
        """Do the caps allow for what one more friend earns: each one's reward, and at a conversion
        the milestone as well?"""
        terms, new = self.terms, ["each"]
        if converts:
            number = self._milestone(referrer, terms, self.friends[referrer] + 1)
            new += ["many"] if number and (referrer, "many", number) not in self.grants else []
        own = [reason for owner, reason, _ in self.grants if owner == referrer] + new
        many = sum(reason == "many" for _, reason, _ in self.grants) + new.count("many")
        return (
            len(own) <= terms.cap
            and own.count("each") <= terms.each_cap
            and ("many" not in new or many <= terms.many_cap)
        )

    def convert(
        self, referrer: str, who: str, order: str | None = None, *, redeems: bool = False
    ) -> None:
        """A friend's purchase. Only the first counts, for ever; it fits, or earns nothing. One
        order converts one friend, while that conversion stands. `redeems`: by the code itself,
        which is refused where it does not fit."""
        if order and self._standing(order):
            return
        known = who in self.came
        self.sign_up(referrer, who, converts=True)
        friend = self.came.get(who)
        if friend is None or friend.referrer != referrer or friend.state != "waiting":
            return
        friend.order = order
        count, number = self.friends[referrer] + 1, self.numbers[referrer] + 1
        earned = {(who, "referee", 1): FRIEND, (referrer, "each", number): friend.terms.each}
        milestone = self._milestone(referrer, friend.terms, count)
        if milestone:
            earned[referrer, "many", milestone] = MANY
        if not self._fits(friend, earned):
            if not redeems:
                friend.state = "rejected"
            elif not known:
                del self.came[who]
            return
        self.grants |= earned
        self.friends[referrer], self.numbers[referrer] = count, number
        friend.state, friend.number = "counted", number
        if milestone:
            of = self.milestones[referrer]
            of[milestone - 1 :] = [Reached(count, friend.terms), *of[milestone:]]

    def _milestone(self, referrer: str, terms: Terms, count: int) -> int | None:
        """The number of the milestone that the friend earns the referrer: an undone one's first."""
        of = self.milestones[referrer]
        standing = [one.count for one in of if not one.undone]
        if terms.repeat:
            due = count % terms.many == 0 and count > max(standing, default=0)
        else:
            due = count >= terms.many and not standing
        undone = [number for number, one in enumerate(of, start=1) if one.undone]
        return [*undone, len(of) + 1][0] if due else None

    def _fits(self, friend: Friend, earned: dict[Key, int]) -> bool:
        """A milestone that is reached again is the grant that it was: no cap counts it twice."""
        made, terms = self.grants | earned, friend.terms
        own = [reason for owner, reason, _ in made if owner == friend.referrer]
        return (
            len(own) <= terms.cap
            and own.count("each") <= terms.each_cap
            and sum(reason == "many" for _, reason, _ in made) <= terms.many_cap
            and self._uses() < terms.uses
            and sum(made.values()) <= terms.budget
        )

    def _standing(self, order: str) -> bool:
        return any(one.order == order and one.state == "counted" for one in self.came.values())

    def _uses(self) -> int:
        return sum(friend.state == "counted" for friend in self.came.values())

    def reverse(self, who: str, name: str, amount: int | None) -> bool:
        """So much of a purchase is refunded, once under each name; None: what is left of it.
        Answers whether that could be."""
        friend = self.came[who]
        before = sum(friend.refunds.values())
        if name in friend.refunds or friend.state in ("rejected", "reversed"):
            return True
        if before + (amount or 0) > ORDER:
            return False
        friend.refunds[name] = ORDER - before if amount is None else amount
        self._undo(who, friend)
        return True

    def _undo(self, who: str, friend: Friend) -> None:
        refunded, referrer = sum(friend.refunds.values()), friend.referrer
        if friend.state == "waiting":
            friend.state = "rejected" if refunded == ORDER else "waiting"
            return
        for key, worth in (
            ((who, "referee", 1), FRIEND),
            ((referrer, "each", friend.number), friend.terms.each),
        ):
            self.grants[key] = worth - _half_up(worth * refunded, ORDER)
        if refunded == ORDER:
            friend.state = "reversed"
            self.friends[referrer] -= 1
            for number, one in enumerate(self.milestones[referrer], start=1):
                if self.undo and one.needs() > self.friends[referrer]:
                    one.undone, self.grants[referrer, "many", number] = True, 0

    def roll_back(self, who: str) -> None:
        """A redemption is undone, once: the same as a refund of its order."""
        if who not in self.rolled_back and self.reverse(who, "rollback", None):
            self.rolled_back.add(who)


def _half_up(part: int, whole: int) -> int:
    return (2 * part + whole) // (2 * whole)
