"""The whole of it, one thing after another: short enough to check by eye.

One campaign, some referrers. A friend gets 5.00 in credits, the referrer something for each friend,
and 7.00 for a number of them. Nothing is paid out, so what is undone is cancelled or made smaller.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

FRIEND, MANY, ORDER = 5_00, 7_00, 50_00
Key = tuple[str, str, int]
"""Recipient, reason, ordinal."""
Mark = tuple[str, str]
"""E-mail or phone, and which one."""


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
class Person:
    """What somebody has now, and all that they have or had."""

    now: dict[str, str]
    ever: set[Mark] = field(default_factory=set)
    erased: bool = False

    def __post_init__(self) -> None:
        self.ever |= set(self.now.items())


@dataclass
class Friend:
    """One who came by somebody's code, and the terms that were promised."""

    referrer: str
    terms: Terms
    state: str = "waiting"
    """Or held, unclear, counted, rejected, reversed."""
    number: int = 0
    """The conversion's own, once it has counted; it keeps that for ever."""
    bought: int = 0
    """When: the how-manieth purchase of all. 0: nothing was bought."""
    order: str | None = None
    heard: set[str] = field(default_factory=set)
    """Events that said what they said, for ever."""
    refunds: dict[str, int] = field(default_factory=dict)
    """Since it was bought, or bought again."""
    told: set[str] = field(default_factory=set)
    """Names of refunds, these and earlier ones."""
    claimed: set[str] = field(default_factory=set)
    """Refunds that came early, and were seen to."""
    denied: bool = False
    """By staff: a purchase alone brings it back no more."""
    places: set[Mark] = field(default_factory=set)
    """Marks that nobody else may count with, taken when it was judged."""

    @property
    def refunded(self) -> int:
        """Rounding may take parts a little past the whole."""
        return min(sum(self.refunds.values()), ORDER)


@dataclass
class Model:
    """What should be. `undo`: a reversal takes milestones back."""

    terms: Terms
    undo: bool
    people: dict[str, Person] = field(default_factory=dict)
    came: dict[str, Friend] = field(default_factory=dict)
    friends: Counter[str] = field(default_factory=Counter)
    numbers: Counter[str] = field(default_factory=Counter)
    grants: dict[Key, int] = field(default_factory=dict)
    """Every grant ever made, and what it is worth now; nothing, once it is undone."""
    milestones: dict[str, list[Reached]] = field(default_factory=lambda: defaultdict(list))
    rolled_back: set[str] = field(default_factory=set)
    paused: bool = False
    codes_off: set[str] = field(default_factory=set)
    """By who shares them."""
    purchases: int = 0
    early: dict[str, list[tuple[str, int | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Refunds that came before their purchase, by order: name and amount."""
    order_refunds: set[tuple[str, str]] = field(default_factory=set)
    """Order and name of those that were accepted."""

    def sign_up(self, referrer: str, who: str, *, converts: bool = False) -> None:
        """Only the first code counts; nobody begins where nothing is left or a cap is full, nor
        while the campaign or the code is off."""
        left = self.terms.budget - sum(self.grants.values())
        room = self._has_room(referrer, converts=converts) and not self._is_off(referrer)
        if who not in self.came and left >= FRIEND and self._uses() < self.terms.uses and room:
            self.came[who] = Friend(referrer, self.terms)

    def _is_off(self, referrer: str) -> bool:
        return self.paused or referrer in self.codes_off

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
        self,
        referrer: str,
        who: str,
        event: str,
        order: str | None = None,
        *,
        redeems: bool = False,
    ) -> None:
        """A friend's purchase. Only the first counts, for ever; it fits, or earns nothing. While
        campaign or code is off it is held. One order converts one friend, while that conversion
        stands. What was refunded and is bought again under the same order, as a new event, is
        judged anew. `redeems`: by the code itself, which is refused where it does not fit."""
        known = self.came.get(who)
        if known and (known.referrer != referrer or event in known.heard):
            return
        if known and known.state != "waiting":
            known.heard.add(event)
            if known.order and known.order == order and _is_whole(known) and not known.denied:
                self._judge_again(who)
            return
        if (order and self._standing(order)) or (redeems and self._is_off(referrer)):
            return
        self.sign_up(referrer, who, converts=True)
        friend = self.came.get(who)
        if friend is None:
            return
        self.purchases += 1
        friend.order, friend.bought = order, self.purchases
        friend.heard.add(event)
        friend.state = "held"
        self._refund_what_came_early(who)
        if friend.state != "held" or self._is_off(referrer):
            return
        if not self._judge(who) and redeems:
            friend.state, friend.bought, friend.heard = "waiting", 0, set()
            if known is None:
                del self.came[who]

    def _refund_what_came_early(self, who: str) -> None:
        """A refund that does not fit is for a person to decide about."""
        friend = self.came[who]
        for name, amount in self._unclaimed(friend):
            friend.claimed.add(name)
            if friend.state != "rejected" and _is_too_much(friend, amount):
                friend.state = "unclear"
            else:
                self.reverse(who, name, amount)

    def _unclaimed(self, friend: Friend) -> list[tuple[str, int | None]]:
        early = self.early[friend.order] if friend.order else []
        return [one for one in early if one[0] not in friend.claimed]

    def _judge(self, who: str) -> bool:
        """A conversion counts with all that it earns, or it is rejected."""
        friend, referrer = self.came[who], self.came[who].referrer
        count, number = self.friends[referrer] + 1, friend.number or self.numbers[referrer] + 1
        earned = {(who, "referee", 1): FRIEND, (referrer, "each", number): friend.terms.each}
        milestone = self._milestone(referrer, friend.terms, count)
        if milestone:
            earned[referrer, "many", milestone] = MANY
        if self._is_somebody_else(who) or self._order_is_taken(who) or not self._fits(who, earned):
            friend.state, friend.places = "rejected", set()
            return False
        self.grants |= earned
        self.friends[referrer] = count
        self.numbers[referrer] = max(number, self.numbers[referrer])
        friend.state, friend.number = "counted", number
        friend.places = set(self.people[who].ever)
        if milestone:
            of = self.milestones[referrer]
            of[milestone - 1 :] = [Reached(count, friend.terms), *of[milestone:]]
        self._undo(who)
        return True

    def _is_somebody_else(self, who: str) -> bool:
        """Does the friend have, or had, an address of the referrer, or of a friend who counted?"""
        friend, own = self.came[who], self.people[who].ever
        others = [
            self.people[other].ever if one.state in ("counted", "reversed") else one.places
            for other, one in self.came.items()
            if other != who
        ]
        return any(own & theirs for theirs in (self.people[friend.referrer].ever, *others))

    def _order_is_taken(self, who: str) -> bool:
        """By a friend who counts, or who bought it before and waits to be judged."""
        friend = self.came[who]
        return friend.order is not None and any(
            one.state == "counted"
            or (one.state in ("held", "unclear") and one.bought < friend.bought)
            for other, one in self.came.items()
            if other != who and one.order == friend.order
        )

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

    def _fits(self, who: str, earned: dict[Key, int]) -> bool:
        """What is earned again is the grant that it was: no cap counts it twice."""
        made, friend = self.grants | earned, self.came[who]
        terms = friend.terms
        own = [reason for owner, reason, _ in made if owner == friend.referrer]
        return (
            len(own) <= terms.cap
            and own.count("each") <= terms.each_cap
            and sum(reason == "many" for _, reason, _ in made) <= terms.many_cap
            and self._uses() < terms.uses
            and sum(made.values()) <= terms.budget
        )

    def _standing(self, order: str) -> bool:
        return any(one.order == order and one.state in _STANDING for one in self.came.values())

    def _uses(self) -> int:
        return sum(friend.state == "counted" for friend in self.came.values())

    def reverse(self, who: str, name: str, amount: int | None) -> None:
        """So much of a purchase is refunded, once under each name; None: what is left of it. Up to
        1 % above it is all of it; more is refused."""
        friend = self.came[who]
        closed = friend.state in ("rejected", "reversed")
        if closed or _is_too_much(friend, amount) or name in friend.told:
            return
        friend.refunds[name] = ORDER - friend.refunded if amount is None else amount
        friend.told.add(name)
        self._undo(who)

    def _undo(self, who: str) -> None:
        friend, referrer = self.came[who], self.came[who].referrer
        refunded, whole = friend.refunded, _is_whole(friend)
        if friend.state in ("waiting", "held", "unclear"):
            friend.state = "rejected" if whole else friend.state
            return
        kept = 0 if self.people[who].erased else FRIEND
        for key, worth in (
            ((who, "referee", 1), kept),
            ((referrer, "each", friend.number), friend.terms.each),
        ):
            self.grants[key] = worth - _half_up(worth * refunded, ORDER)
        if whole:
            friend.state = "reversed"
            self.friends[referrer] -= 1
            for number, one in enumerate(self.milestones[referrer], start=1):
                if self.undo and one.needs() > self.friends[referrer]:
                    one.undone, self.grants[referrer, "many", number] = True, 0

    def refund_order(self, order: str, name: str, amount: int | None) -> None:
        """The same by the order, of those whose purchase stands, or else was undone; of all or of
        none. Where there is no such purchase it waits for one."""
        if (order, name) in self.order_refunds or 100 * (amount or 0) > 101 * ORDER:
            return
        bought = {who: one for who, one in self.came.items() if one.order == order}
        standing = [who for who, one in bought.items() if one.state in _STANDING]
        about = standing or [who for who, one in bought.items() if _is_whole(one)]
        if any(_is_too_much(self.came[who], amount) for who in about):
            return
        for who in about:
            self.reverse(who, name, amount)
        if not about:
            self.early[order].append((name, amount))
        self.order_refunds.add((order, name))

    def clear_up(self, who: str, *, stands: bool) -> None:
        """A person says whether the purchase was refunded that is unclear."""
        friend = self.came[who]
        if friend.state != "unclear":
            return
        friend.state = "held"
        if not stands:
            self.reverse(who, f"denial {len(friend.told)}", None)
            friend.denied = True
        elif not self._is_off(friend.referrer):
            self._judge(who)

    def roll_back(self, who: str) -> None:
        """A redemption is undone, once: the same as a refund of its order."""
        if who not in self.rolled_back:
            self.rolled_back.add(who)
            self.reverse(who, "rollback", None)

    def reinstate(self, who: str) -> None:
        """Staff bring back what was bought, and then undone or rejected. What was refunded of a
        rejected purchase counts now; where it is no share of it, they are refused."""
        friend = self.came[who]
        undone = friend.state in ("reversed", "rejected")
        if not undone or not friend.bought or self.people[who].erased:
            return
        total = 0
        for _, amount in self._unclaimed(friend):
            if total < ORDER and 100 * (total + (amount or 0)) > 101 * ORDER:
                return
            total += ORDER if amount is None else amount
        self._judge_again(who)

    def _judge_again(self, who: str) -> None:
        friend = self.came[who]
        friend.refunds, friend.denied, friend.state = {}, False, "held"
        self._refund_what_came_early(who)
        if friend.state == "held" and not self._is_off(friend.referrer):
            self._judge(who)

    def pause(self, *, paused: bool) -> set[str]:
        """The campaign is switched off, or on: then answers whose conversions are to be judged."""
        self.paused = paused
        return self._goes_on()

    def switch_code(self, referrer: str, *, on: bool, reject: bool = False) -> set[str]:
        """The same with a code. `reject`: what it holds is rejected."""
        (self.codes_off.discard if on else self.codes_off.add)(referrer)
        for friend in self.came.values():
            if reject and friend.referrer == referrer and friend.state == "held":
                friend.state = "rejected"
        return self._goes_on()

    def _goes_on(self) -> set[str]:
        held = {who: one for who, one in self.came.items() if one.state == "held"}
        return {who for who, one in held.items() if not self._is_off(one.referrer)}

    def judge_held(self, in_turn: Iterable[str]) -> None:
        """Those who waited for it, in the order in which their turn comes."""
        for who in in_turn:
            self._judge(who)

    def take_on(self, who: str, mark: Mark, *, corrects: bool = False) -> None:
        """Somebody has another address now, and still had the old one. `corrects`: staff mend
        what was never theirs."""
        person, (kind, value) = self.people[who], mark
        old = (kind, person.now[kind])
        if corrects and old != mark:
            person.ever.discard(old)
            if who in self.came:
                self.came[who].places.discard(old)
        person.now[kind] = value
        person.ever.add(mark)

    def erase(self, who: str) -> None:
        """A friend is forgotten, and recognised for a while. What waited for them ends; what they
        earned others stands."""
        self.people[who].erased = True
        friend = self.came.get(who)
        if friend is None:
            return
        friend.places = set()
        if friend.state in ("waiting", "held", "unclear"):
            friend.state = "rejected"
        if (who, "referee", 1) in self.grants:
            self.grants[who, "referee", 1] = 0


_STANDING = ("held", "unclear", "counted")


def _is_whole(friend: Friend) -> bool:
    """Is all of it refunded?"""
    return friend.refunded == ORDER


def _is_too_much(friend: Friend, amount: int | None) -> bool:
    """Up to 1 % above what was paid is all of it."""
    if _is_whole(friend):
        return amount is not None
    return 100 * (friend.refunded + (amount or 0)) > 101 * ORDER


def _half_up(part: int, whole: int) -> int:
    return (2 * part + whole) // (2 * whole)
