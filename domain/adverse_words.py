"""Status words that clearly mean that something is wrong with an order."""

from __future__ import annotations

import re
from itertools import pairwise

ADVERSE = frozenset(
    [
        "blocked",
        "bounced",
        "canceled",
        "cancelled",
        "chargeback",
        "claimed_back",
        "clawed_back",
        "confiscated",
        "declined",
        "denied",
        "disputed",
        "error",
        "errored",
        "expired",
        "failed",
        "failure",
        "forfeited",
        "fraud",
        "fraudulent",
        "invalid",
        "invalidated",
        "lost",
        "nullified",
        "refunded",
        "refused",
        "rejected",
        "reversed",
        "revoked",
        "stopped",
        "suspended",
        "terminated",
        "undeliverable",
        "undelivered",
        "unsuccessful",
        "void",
        "voided",
        "withdrawn",
    ]
)
"""Words that clearly mean trouble, whichever provider uses them. An adapter may know some of them
better; for the rest, a person is told at once, and nothing is ordered anew."""
_NEGATED = frozenset({"not", "no", "non", "never", "without"})


def adverse_word(status: str) -> str | None:
    """The first adverse word within a provider's status, such as PAYMENT_DECLINED; None if there is
    none."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", status).lower())
    if _NEGATED & set(words):
        return None
    pairs = [f"{one}_{next_}" for one, next_ in pairwise(words)]
    return next((word for word in (*words, *pairs) if word in ADVERSE), None)
