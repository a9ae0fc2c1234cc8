"""Reconciliation: an order in three books, why they may differ, and what repairs it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, Field

RECONCILIATION_WORKFLOW = "ReconciliationWorkflow"
REPAIR_WORKFLOW = "RepairWorkflow"
DAILY_WORKFLOW = "DailyReconciliationWorkflow"


def daily_schedule(provider: str) -> str:
    """The id of a provider's daily schedule."""
    return f"guerdon-reconciliation-{provider}"


class Filed(StrEnum):
    """How an order is filed: one word per order, the most informative one."""

    MATCHED = "matched"
    """Grants and orders, ledger and provider agree."""
    AMOUNT_MISMATCH = "amount_mismatch"
    """The face value differs."""
    FEE_MISMATCH = "fee_mismatch"
    """The face value agrees; the charge to the deposit does not."""
    STATE_MISMATCH = "state_mismatch"
    """The amounts agree; whether a card exists does not."""
    MISSING_AT_PROVIDER = "missing_at_provider"
    """We hold an order that the provider does not show."""
    UNKNOWN_TO_US = "unknown_to_us"
    """The provider shows an order that we never placed."""
    DUPLICATE_KEY = "duplicate_key"
    """The provider shows a second order under a key of ours."""
    IN_FLIGHT = "in_flight"
    """Still open at the cut-off, or changed while the books were read: not judged yet."""


DIFFERENCES = frozenset(Filed) - {Filed.MATCHED, Filed.IN_FLIGHT}


class Repair(StrEnum):
    """What makes the books agree again."""

    REREAD_ORDER = "reread_order"
    """Read the order at the provider and record what it says now, as a poll would."""
    BOOK_CORRECTION = "book_correction"
    """A new ledger entry that names the order and corrects its charge to the provider's."""
    WRITE_OFF = "write_off"
    """Search the provider once more. If the order is certainly missing, record it as cancelled,
    reverse its charge in the ledger, and park the grant for a person."""
    OPEN_INCIDENT = "open_incident"
    """Book the charge to the provider's `unexplained` account and open an incident."""
    WAIT = "wait"
    """Nothing to repair; the next run sees it again."""


class Explanation(NamedTuple):
    """The likely cause in words, and the action that repairs it."""

    cause: str
    repair: Repair


_EXPLANATIONS = {
    Filed.AMOUNT_MISMATCH: Explanation(
        "The provider issued another face value than was ordered, or its book was changed later.",
        Repair.BOOK_CORRECTION,
    ),
    Filed.FEE_MISMATCH: Explanation(
        "The provider charged a fee or discount that was not known when the order was booked.",
        Repair.BOOK_CORRECTION,
    ),
    Filed.STATE_MISMATCH: Explanation(
        "The order moved at the provider, and neither a webhook nor a poll has told us.",
        Repair.REREAD_ORDER,
    ),
    Filed.MISSING_AT_PROVIDER: Explanation(
        "The provider lost or removed the order, or files it under another account.",
        Repair.WRITE_OFF,
    ),
    Filed.UNKNOWN_TO_US: Explanation(
        "Somebody ordered past Guerdon with the same account, or our books were restored from an"
        " older backup.",
        Repair.OPEN_INCIDENT,
    ),
    Filed.DUPLICATE_KEY: Explanation(
        "The provider took one order key twice: its idempotency failed, or its row is doubled.",
        Repair.OPEN_INCIDENT,
    ),
    Filed.IN_FLIGHT: Explanation("Not at its end yet.", Repair.WAIT),
    Filed.MATCHED: Explanation("The three books agree.", Repair.WAIT),
}
_TAKEN_BACK = Explanation(
    "The provider withdrew a card after it had been issued.", Repair.REREAD_ORDER
)
_FELL_BACK = Explanation(
    "The provider shows an issued card as open again, which a card cannot become.",
    Repair.OPEN_INCIDENT,
)
_CAME_BACK = Explanation(
    "A card exists for an order that was recorded as ended.", Repair.OPEN_INCIDENT
)
_LEDGER_ALONE = Explanation(
    "The provider agrees with the order; the ledger's entries of it do not.",
    Repair.BOOK_CORRECTION,
)
_BUDGET_ALONE = Explanation(
    "The campaign's budget accounts do not hold this order's face value as committed and spent:"
    " entries of the ledger are missing, or are too many.",
    Repair.BOOK_CORRECTION,
)
_GRANT_ALONE = Explanation(
    "The grants book promises another amount than was ordered; an ordered card stands, so the"
    " grant was changed past Guerdon. What is right a person has to say.",
    Repair.OPEN_INCIDENT,
)
_GRANT_WITHDRAWN = Explanation(
    "The grants book calls this reward withdrawn, and its card exists: the grant was changed past"
    " Guerdon. What is right a person has to say.",
    Repair.OPEN_INCIDENT,
)
_GRANT_WITHOUT_CARD = Explanation(
    "The grants book calls this reward delivered, and its newest order is no issued card: the grant"
    " or the order was changed past Guerdon. What is right a person has to say.",
    Repair.OPEN_INCIDENT,
)
OF_GRANT = frozenset({_GRANT_ALONE, _GRANT_WITHDRAWN, _GRANT_WITHOUT_CARD})
"""Differences in the grants book alone: neither provider nor ledger can say what is right."""
_ENDED = ("failed", "cancelled")


class Standing(BaseModel):
    """One book's view of an order, in minor units. None where that book does not say."""

    state: str | None = Field(default=None, examples=["issued"])
    face: int | None = Field(default=None, examples=[1500])
    charged: int | None = Field(default=None, examples=[1500])
    currency: str | None = Field(default=None, examples=["USD"])
    charged_currency: str | None = Field(default=None, examples=["USD"])
    grant: str | None = Field(default=None, examples=["delivered"])
    """The status of the order's grant. This and the next two come from our grants book only."""
    promised: int | None = Field(default=None, examples=[1500])
    promised_currency: str | None = Field(default=None, examples=["USD"])
    committed: int | None = Field(default=None, examples=[1500])
    """On the campaign's committed and spent accounts. This and the next come from the ledger
    only."""
    spent: int | None = Field(default=None, examples=[1500])


def explain(filed: Filed, ours: Standing, ledger: Standing, theirs: Standing) -> Explanation:
    """Why an order is filed so, and what to do about it."""
    match filed:
        case Filed.STATE_MISMATCH:
            return _state(ours, theirs)
        case Filed.AMOUNT_MISMATCH:
            return _amount(ours, ledger, theirs)
    return _EXPLANATIONS[filed]


def _state(ours: Standing, theirs: Standing) -> Explanation:
    if ours.state == "issued":
        if theirs.state in (None, "issued"):
            return _GRANT_WITHDRAWN
        return _TAKEN_BACK if theirs.state in _ENDED else _FELL_BACK
    if theirs.state == "issued":
        return _CAME_BACK if ours.state in _ENDED else _EXPLANATIONS[Filed.STATE_MISMATCH]
    return _GRANT_WITHOUT_CARD if ours.grant == "delivered" else _EXPLANATIONS[Filed.STATE_MISMATCH]


def _amount(ours: Standing, ledger: Standing, theirs: Standing) -> Explanation:
    """The provider's difference is explained before the ledger's, and that before the grant's."""
    if theirs.face not in (None, ours.face) or theirs.currency not in (None, ours.currency):
        return _EXPLANATIONS[Filed.AMOUNT_MISMATCH]
    if ours.state == "issued" and ledger.face != ours.face:
        return _LEDGER_ALONE
    if not budget_agrees(ours, ledger):
        return _BUDGET_ALONE
    return _GRANT_ALONE


def budget_agrees(ours: Standing, ledger: Standing) -> bool:
    """Whether the campaign's budget contains the order: its face value committed once it was
    issued, and spent once the recipient had it."""
    committed, spent = ledger.committed or 0, ledger.spent or 0
    if ours.state != "issued":
        return committed == spent == 0
    return committed == ours.face and spent in spent_allowed(ours)


def spent_allowed(ours: Standing) -> tuple[int, ...]:
    """The amounts that the ledger may show as spent for an issued card. A card that bounced or was
    sent again may have been delivered before, so both 0 and its face value are right."""
    face = ours.face or 0
    return (face,) if ours.grant == "delivered" else (0, face)


class Line(NamedTuple):
    """One order in the provider's book.

    `state` is one of ours (pending, issued, failed, cancelled); amounts are minor units; None is
    what the provider does not show."""

    key: str | None
    provider_order_id: str
    state: str
    face: int | None
    currency: str | None
    charged: int | None
    charged_currency: str | None
    created_at: datetime | None


class ReconciliationStart(BaseModel):
    """The input of a reconciliation: [since, until) at one provider. `uploaded`: its lines were
    staged from a statement."""

    reconciliation_id: str
    provider: str
    since: datetime
    until: datetime
    uploaded: bool = False


class DailyStart(BaseModel):
    """The input of the daily schedule: yesterday, UTC, at one provider."""

    provider: str


class RepairStart(BaseModel):
    """One repair. Who asked, and why, is in the item's row."""

    item_id: str
    provider: str


def reconciliation_workflow_id(reconciliation_id: str) -> str:
    """One workflow per run."""
    return f"reconciliation:{reconciliation_id}"


def repair_workflow_id(item_id: str) -> str:
    """One repair per item."""
    return f"repair:{item_id}"
