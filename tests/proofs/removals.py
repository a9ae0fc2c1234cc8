"""Each lock and each constraint that the product relies on, and how to take it away."""

from __future__ import annotations

from typing import NamedTuple

from bench.proofs.rewriting import UNLOCKED_PROGRESS, Rewrite
from tests.proofs.backstops import FORBIDDEN


class Removal(NamedTuple):
    """What is taken away: from the statements on their way, from the schema, or from both."""

    what: str
    rewrites: tuple[Rewrite, ...] = ()
    statement: str = ""
    locks: tuple[str, ...] = ()
    """Where the product takes it: the module of `store`, and the table."""
    constraint: str = ""
    """Table and name."""
    scenes: tuple[str, ...] = ()
    """Only these are played, if any are named: where the statement is another lock's as well, or
    where few other scenes come near it."""


def unlocked_by_id(table: str) -> Rewrite:
    by_id = rf"(FROM {table} \nWHERE {table}\.id = \$1::VARCHAR) FOR UPDATE"
    return Rewrite(by_id, r"\1")


def dropped(constraint: str) -> str:
    """The statement that takes it out of the schema, a constraint or an index."""
    table, _, name = constraint.partition(".")
    if name.startswith("ux_"):
        return f"DROP INDEX {name}"
    return f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE"


REMOVALS = (
    Removal("lock: the referrer's progress", (UNLOCKED_PROGRESS,)),
    Removal(
        "lock: the referral, when a grant moves or it is reversed",
        (unlocked_by_id("referrals"),),
        locks=("grants.state: referrals",),
    ),
    Removal(
        "lock: the grant, when it is credited, minted, or cancelled",
        (unlocked_by_id("grants"),),
        locks=("grants.state: grants",),
    ),
    Removal(
        "lock: the grant, when it is ordered",
        (Rewrite(r"(FROM grants LEFT OUTER JOIN orders .*) FOR UPDATE OF grants", r"\1"),),
        locks=("orders.attempts: grants",),
    ),
    Removal(
        "lock: the shop's order, by each who brings it",
        (Rewrite(r"^SELECT pg_advisory_xact_lock\(lock\)", "SELECT lock"),),
        locks=("referrals.purchases: advisory",),
    ),
    Removal(
        "guard: one conversion wins (status is still waiting)",
        (
            Rewrite(
                r"(^UPDATE referrals .*)referrals\.status IN \((\$\d+::VARCHAR[^)]*)\)",
                r"\1(ROW(\2) IS NOT NULL)",
            ),
        ),
    ),
    Removal(
        "guard: the budget's ceiling, in the reservation",
        (
            Rewrite(
                r"budgets\.reserved \+ budgets\.committed \+ (\$\d+::BIGINT) <= budgets\.ceiling",
                r"(\1 IS NOT NULL)",
            ),
        ),
    ),
    Removal(
        "guard: the order's claim has not run out",
        (
            Rewrite(
                r"orders\.claimed_until < (\$\d+::TIMESTAMP WITH TIME ZONE)", r"(\1 IS NOT NULL)"
            ),
        ),
    ),
    Removal(
        "constraint: one referral a friend and campaign",
        (
            Rewrite(
                r"(^INSERT INTO referrals .*) ON CONFLICT \(campaign_id, referee_id\) DO NOTHING",
                r"\1",
            ),
        ),
        dropped("referrals.uq_referrals_campaign_id_referee_id"),
        constraint="referrals.uq_referrals_campaign_id_referee_id",
        scenes=("milestones",),
    ),
    *(
        Removal(f"constraint, asked directly: {name}", (), dropped(name), constraint=name)
        for name in FORBIDDEN
    ),
)
