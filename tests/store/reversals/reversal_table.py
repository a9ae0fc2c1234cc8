"""What a reversal does, state by state: the table that the test plays and docs/reversal.md prints.

A grant of 15.00 (or 1,500 points) to the friend, whose order came to 300.00; all of it is refunded,
or a third: 5.00. Amounts in minor units.

The same friend was the first of the referrer's, who had 100 points for it from each of two tiers:
one that keeps its milestone on reversal, and one that undoes it."""

from __future__ import annotations

from typing import NamedTuple

BOTH = "both stand (200 points)"
KEPT = "keep stands (100 points), undo is cancelled"


class Row(NamedTuple):
    """A state, what is refunded, and what is left of everything afterwards."""

    state: str
    refund: str
    grant: str
    """Its status afterwards."""
    amount: int = 15_00
    reserved: int = 0
    committed: int = 0
    owed: int = 0
    """What the person owes, to be netted from the next grant."""
    wallet: int = 0
    posted: str = ""
    """The kinds of the ledger's new postings."""
    friends: int = 0
    """The referrer's count."""
    milestones: str = KEPT
    referral: str = "reversed"
    left: str = ""
    """What the workflow still has to do."""


ALL, THIRD = "all", "third"

TABLE = [
    Row("held", ALL, "cancelled", posted="release"),
    Row(
        "held",
        THIRD,
        "held",
        10_00,
        10_00,
        posted="release",
        friends=1,
        milestones=BOTH,
        referral="on_hold",
    ),
    Row("held, fixed value", ALL, "cancelled", posted="release"),
    Row(
        "held, fixed value",
        THIRD,
        "held",
        reserved=15_00,
        owed=5_00,
        posted="owe",
        friends=1,
        milestones=BOTH,
        referral="on_hold",
    ),
    Row("in review", ALL, "cancelled", posted="release"),
    Row(
        "in review",
        THIRD,
        "in_review",
        10_00,
        10_00,
        posted="release",
        friends=1,
        milestones=BOTH,
        referral="in_review",
    ),
    Row("not ordered yet", ALL, "cancelled", posted="release"),
    Row(
        "not ordered yet",
        THIRD,
        "ordering",
        10_00,
        10_00,
        posted="release",
        friends=1,
        milestones=BOTH,
        referral="fulfilling",
    ),
    Row("order refused", ALL, "cancelled", posted="release"),
    Row(
        "order refused",
        THIRD,
        "needs_attention",
        10_00,
        10_00,
        posted="release",
        friends=1,
        milestones=BOTH,
        referral="needs_attention",
    ),
    Row("waits for funds", ALL, "cancelled", posted="release"),
    Row(
        "waits for funds",
        THIRD,
        "needs_attention",
        reserved=15_00,
        owed=5_00,
        posted="owe",
        friends=1,
        milestones=BOTH,
        referral="needs_attention",
    ),
    Row("outcome unknown", ALL, "ordering", reserved=15_00, referral="fulfilling", left="order"),
    Row(
        "outcome unknown",
        THIRD,
        "ordering",
        reserved=15_00,
        friends=1,
        milestones=BOTH,
        referral="fulfilling",
        left="order",
    ),
    Row("order pending", ALL, "ordered", reserved=15_00, referral="fulfilling", left="follow"),
    Row(
        "order pending",
        THIRD,
        "ordered",
        reserved=15_00,
        friends=1,
        milestones=BOTH,
        referral="fulfilling",
        left="follow",
    ),
    Row("issued, taken back", ALL, "cancelled", posted="refund release withdraw"),
    Row(
        "issued, not taken back",
        ALL,
        "ordered",
        committed=15_00,
        owed=15_00,
        posted="owe",
        referral="fulfilling",
    ),
    Row(
        "issued",
        THIRD,
        "ordered",
        committed=15_00,
        owed=5_00,
        posted="owe",
        friends=1,
        milestones=BOTH,
        referral="fulfilling",
    ),
    Row("delivered, taken back", ALL, "cancelled", posted="refund release unspend withdraw"),
    Row(
        "delivered, not taken back",
        ALL,
        "delivered",
        committed=15_00,
        owed=15_00,
        posted="owe",
    ),
    Row(
        "delivered",
        THIRD,
        "delivered",
        committed=15_00,
        owed=5_00,
        posted="owe",
        friends=1,
        milestones=BOTH,
        referral="completed",
    ),
    Row(
        "bounced, not taken back",
        ALL,
        "needs_attention",
        committed=15_00,
        owed=15_00,
        posted="owe",
        referral="needs_attention",
    ),
    Row(
        "bounced",
        THIRD,
        "needs_attention",
        committed=15_00,
        owed=5_00,
        posted="owe",
        friends=1,
        milestones=BOTH,
        referral="needs_attention",
    ),
    Row("cancelled by staff", ALL, "cancelled"),
    Row("cancelled by staff", THIRD, "cancelled", friends=1, milestones=BOTH, referral="completed"),
    Row("credits held", ALL, "cancelled", posted="release"),
    Row(
        "credits held",
        THIRD,
        "held",
        10_00,
        10_00,
        posted="release",
        friends=1,
        milestones=BOTH,
        referral="on_hold",
    ),
    Row("credits", ALL, "cancelled", posted="debit undo"),
    Row(
        "credits",
        THIRD,
        "delivered",
        10_00,
        committed=10_00,
        wallet=10_00,
        posted="debit undo",
        friends=1,
        milestones=BOTH,
        referral="completed",
    ),
    Row(
        "credits, 12.00 used",
        ALL,
        "delivered",
        12_00,
        committed=12_00,
        owed=12_00,
        posted="debit owe undo",
    ),
    Row(
        "credits, 12.00 used",
        THIRD,
        "delivered",
        12_00,
        committed=12_00,
        owed=2_00,
        posted="debit owe undo",
        friends=1,
        milestones=BOTH,
        referral="completed",
    ),
    Row("points", ALL, "cancelled", posted="debit unfulfil"),
    Row(
        "points",
        THIRD,
        "delivered",
        10_00,
        wallet=10_00,
        posted="debit unfulfil",
        friends=1,
        milestones=BOTH,
        referral="completed",
    ),
    Row("points held", ALL, "cancelled", posted="retract"),
    Row(
        "points held",
        THIRD,
        "held",
        10_00,
        posted="retract",
        friends=1,
        milestones=BOTH,
        referral="on_hold",
    ),
    Row("coupon, unused", ALL, "cancelled", 1),
    Row("coupon, used", ALL, "delivered", 1),
    Row("coupon, used", THIRD, "delivered", 1, friends=1, milestones=BOTH, referral="completed"),
    Row("coupon, unused", THIRD, "delivered", 1, friends=1, milestones=BOTH, referral="completed"),
    Row("callout held", ALL, "cancelled", 1),
    Row("callout held", THIRD, "held", 1, friends=1, milestones=BOTH, referral="on_hold"),
    Row("callout under way", ALL, "ordering", 1, referral="fulfilling", left="order"),
    Row(
        "callout under way", THIRD, "ordering", 1, friends=1, milestones=BOTH, referral="fulfilling"
    ),
    Row("callout taken", ALL, "delivered", 1),
    Row("callout taken", THIRD, "delivered", 1, friends=1, milestones=BOTH, referral="completed"),
]
"""States of a grant. Only a whole reversal lowers the count, and with it milestones."""


class Before(NamedTuple):
    """A referral without grants."""

    state: str
    refund: str
    referral: str
    refused: bool = False


BEFORE = [
    Before("waiting", ALL, "rejected"),
    Before("waiting", THIRD, "waiting"),
    Before("converted", ALL, "rejected"),
    Before("converted", THIRD, "converted"),
    Before("expired", ALL, "expired", refused=True),
    Before("expired", THIRD, "expired", refused=True),
    Before("rejected", ALL, "rejected", refused=True),
    Before("rejected", THIRD, "rejected", refused=True),
]


def markdown() -> str:
    """Both tables, as docs/reversal.md has them."""
    head = "| state | refund | grant | amount | reserved | committed | owed | wallet | posted "
    lines = [head + "| friends | milestones | referral | left to do |", "|---" * 13 + "|"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in TABLE]
    lines += ["", "| referral without grants | refund | becomes | answer |", "|---" * 4 + "|"]
    lines += [
        f"| {b.state} | {b.refund} | {b.referral} | {'409' if b.refused else '200'} |"
        for b in BEFORE
    ]
    return "\n".join(lines)
