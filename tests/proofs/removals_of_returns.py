"""Removals of the locks of wallet returns, reinstatement, pauses, early refunds and erasure."""

from __future__ import annotations

from bench.proofs.rewriting import Rewrite
from tests.proofs.removals import Removal, unlocked_by_id

REMOVALS_OF_RETURNS = (
    Removal(
        "lock: the use that is given back",
        (Rewrite(r"(FROM wallet_uses .*) FOR UPDATE", r"\1"),),
        locks=("grants.wallet_returns: wallet_uses",),
        scenes=("returns",),
    ),
    Removal(
        "lock: the credits that a use goes back to",
        (
            Rewrite(
                r"(FROM wallet_credits \nWHERE wallet_credits\.customer_id = \S+ AND"
                r" wallet_credits\.unit = \S+ ORDER BY .*) FOR UPDATE",
                r"\1",
            ),
        ),
        locks=("grants.wallet_returns: wallet_credits",),
        scenes=("returns",),
    ),
    Removal(
        "lock: the referral that is reinstated",
        (unlocked_by_id("referrals"),),
        locks=("grants.state: referrals",),
        scenes=("reinstatements",),
    ),
    Removal(
        "lock: the grants of the referral that is reinstated",
        (
            Rewrite(
                r"(FROM grants \nWHERE grants\.referral_id = \S+ ORDER BY grants\.id) FOR UPDATE",
                r"\1",
            ),
        ),
        locks=("referrals.reinstatement: grants",),
        scenes=("reinstatements",),
    ),
    Removal(
        "lock: both switches, by a conversion that is held",
        (Rewrite(r"(FROM campaigns JOIN vouchers .*) FOR SHARE", r"\1"),),
        locks=("referrals.pauses: campaigns",),
        scenes=("pauses",),
    ),
    Removal(
        "lock: the shop's order, by its refund and its purchase",
        (Rewrite(r"^SELECT pg_advisory_xact_lock\(lock\)", "SELECT lock"),),
        scenes=("early_refunds",),
    ),
    Removal(
        "lock: the refunds that wait for an order",
        (Rewrite(r"(FROM early_refunds .*) FOR UPDATE", r"\1"),),
        locks=("reversals.early: early_refunds",),
        scenes=("early_refunds",),
    ),
    *(
        Removal(
            f"lock: the {what}, when a person is erased",
            (Rewrite(rf"({statement}.*) FOR UPDATE", r"\1"),),
            locks=(f"customers.erase: {table}",),
            scenes=("erasures",),
        )
        for what, statement, table in (
            ("customers", r"FROM customers \nWHERE \(customers\.id = ", "any table"),
            ("referrals", r"FROM referrals \nWHERE \(referrals\.referee_id = ", "referrals"),
            ("grants", r"FROM grants \nWHERE grants\.recipient_id = ", "grants"),
        )
    ),
)
