"""An order converts once per campaign, whoever brings it, unless the terms say otherwise."""

from __future__ import annotations

from domain.fraud import Response
from domain.verdict import Verdict

CHECK = "same_order"


def same_order_verdict(response: Response, order: str, first: str | None) -> Verdict:
    """`first`: the referral whose valid conversion used the order first in this campaign."""
    hit = first is not None
    words = (
        f"This order converted referral {first} in this campaign before."
        if hit
        else "This order converted no other referral in this campaign."
    )
    return Verdict(
        check=CHECK,
        passed=not (hit and response is Response.REFUSE),
        flagged=hit and response is Response.FLAG,
        detail=words,
        numbers={"order": order, "first": first},
    )
