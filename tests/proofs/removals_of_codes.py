"""The locks and guards about codes and about what they earn, and how to take them away."""

from __future__ import annotations

from bench.proofs.rewriting import Rewrite
from tests.proofs.removals import Removal, dropped

_READ_CUSTOMER = Rewrite(
    r"^UPDATE customers SET (.*) WHERE (customers\.id = .*) RETURNING (.*)$",
    r"SELECT \3 FROM customers WHERE \2 AND (ROW(\1) IS NULL OR true)",
)
"""What would be set is still compared, so that every parameter has its type."""


_READ_MARKS = Rewrite(
    r"^INSERT INTO referee_marks .*",
    "SELECT mark, customer_id FROM referee_marks WHERE campaign_id = $1::VARCHAR"
    " AND $2::VARCHAR IS NOT NULL AND mark = ANY(CAST($3 AS text[]))",
)


def _unlocked(before: str, lock: str = "FOR UPDATE") -> tuple[Rewrite, ...]:
    return (Rewrite(rf"({before}) {lock}(?! OF| SKIP)", r"\1"),)


REMOVALS_OF_CODES = (
    Removal("lock: the customer, by each who asks in their name", (_READ_CUSTOMER,)),
    Removal(
        "lock: the campaign, where uses are counted",
        _unlocked(r"FROM campaigns \nWHERE campaigns\.id = \$1::VARCHAR", "FOR NO KEY UPDATE"),
        locks=("eligibility.counting: campaigns",),
    ),
    Removal(
        "lock: the campaign, while its terms are revised",
        _unlocked(r"FROM campaigns .*campaigns\.name = .*", "FOR NO KEY UPDATE"),
        locks=("campaigns.revise: campaigns",),
    ),
    Removal(
        "lock: a free code that is being given out",
        _unlocked(r"FROM vouchers .*published.*", "FOR UPDATE SKIP LOCKED"),
        locks=("codes.assign: vouchers",),
    ),
    Removal(
        "lock: a certain code that is being given out",
        _unlocked(r"FROM vouchers \nWHERE vouchers\.code = \$1::VARCHAR"),
        locks=("codes.assign: vouchers",),
    ),
    Removal(
        "lock: the coupon, when it is switched off",
        _unlocked(r"FROM vouchers JOIN coupons .*grant_id = \S+", "FOR UPDATE OF vouchers"),
        locks=("codes.coupons: vouchers",),
        scenes=("clipping",),
    ),
    Removal(
        "lock: the coupon, when it is used",
        _unlocked(r"FROM vouchers JOIN coupons .*vouchers\.code = \S+", "FOR UPDATE OF vouchers"),
        locks=("codes.coupons: vouchers",),
        scenes=("clipping",),
    ),
    Removal(
        "lock: the grants that a reversal concerns",
        _unlocked(r"FROM grants JOIN referrals .*", "FOR UPDATE OF grants"),
        locks=("reversals.carry_out: grants",),
        scenes=("recall",),
    ),
    Removal(
        "lock: the wallet's credits, when they are taken",
        _unlocked(r"FROM wallet_credits .*remaining > .*"),
        locks=("grants.wallets: wallet_credits",),
        scenes=("spending",),
    ),
    Removal(
        "lock: the wallet's credits, when they lapse",
        _unlocked(r"FROM wallet_credits .*", "FOR UPDATE SKIP LOCKED"),
        locks=("grants.wallets: wallet_credits",),
    ),
    Removal(
        "lock: the debt that a grant pays off",
        _unlocked(r"FROM receivables .*"),
        locks=("grants.receivables: receivables",),
        scenes=("debts",),
    ),
    Removal(
        "guard: the code's uses, in the count",
        (
            Rewrite(
                r"(^UPDATE vouchers .*)vouchers\.redeemed_quantity < (\$\d+::INTEGER)",
                r"\1(\2 IS NOT NULL)",
            ),
        ),
    ),
    Removal(
        "guard: a friend's marks are taken before the friend is judged",
        (_READ_MARKS,),
    ),
    Removal(
        "constraint: one friend a mark",
        (Rewrite(r" ON CONFLICT \(campaign_id, mark\) DO UPDATE SET .* (RETURNING .*)", r" \1"),),
        dropped("referee_marks.pk_referee_marks"),
        constraint="referee_marks.pk_referee_marks",
    ),
    Removal(
        "constraint: one rollback a redemption",
        (Rewrite(r" ON CONFLICT \(redemption_id\) DO NOTHING", ""),),
        dropped("rollbacks.uq_rollbacks_redemption_id"),
        constraint="rollbacks.uq_rollbacks_redemption_id",
    ),
)
