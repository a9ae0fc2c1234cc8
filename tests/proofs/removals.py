"""Each lock and each constraint that the product relies on, and how to take it away."""

from __future__ import annotations

from typing import NamedTuple

from bench.rewriting import UNLOCKED_PROGRESS, Rewrite


class Removal(NamedTuple):
    """What is taken away: from the statements on their way, from the schema, or from both."""

    what: str
    rewrites: tuple[Rewrite, ...] = ()
    statement: str = ""


def _unlocked(table: str) -> Rewrite:
    by_id = rf"(FROM {table} \nWHERE {table}\.id = \$1::VARCHAR) FOR UPDATE"
    return Rewrite(by_id, r"\1")


def _dropped(table: str, constraint: str) -> str:
    return f"ALTER TABLE {table} DROP CONSTRAINT {constraint} CASCADE"


REMOVALS = (
    Removal("lock: the referrer's progress", (UNLOCKED_PROGRESS,)),
    Removal("lock: the referral, when a grant moves", (_unlocked("referrals"),)),
    Removal("lock: the grant, when it is credited or cancelled", (_unlocked("grants"),)),
    Removal(
        "lock: the grant, when it is ordered",
        (Rewrite(r"(FROM grants LEFT OUTER JOIN orders .*) FOR UPDATE OF grants", r"\1"),),
    ),
    Removal(
        "guard: one conversion wins (status is still waiting)",
        (
            Rewrite(
                r"(^UPDATE referrals .*)referrals\.status = (\$\d+::VARCHAR)", r"\1(\2 IS NOT NULL)"
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
        _dropped("referrals", "uq_referrals_campaign_id_referee_id"),
    ),
    *(
        Removal(f"constraint: {name}", statement=_dropped(name.split(".")[0], name.split(".")[1]))
        for name in (
            "grants.uq_grants_campaign_id_reason_recipient_id_ordinal",
            "orders.uq_orders_grant_id_generation",
            "orders.uq_orders_key",
            "orders.uq_orders_provider_provider_order_id",
            "ledger_entries.uq_ledger_entries_subject_kind_account_currency",
            "reversals.uq_reversals_identity",
            "wallet_credits.pk_wallet_credits",
            "referrer_progress.pk_referrer_progress",
            "budgets.ck_budgets_ceiling",
            "budgets.ck_budgets_not_negative",
        )
    ),
)
