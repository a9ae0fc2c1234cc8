"""Bodies and answers about reconciliations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, model_validator

from api.http.fields import with_examples
from api.http.ids import GrantId, OrderId, OrderKey, ProviderName, ProviderOrderId
from api.http.lists import Listed
from domain.dates import Instant
from domain.outgoing_csv import csv_text
from domain.reconciliation import DIFFERENCES, Filed, Repair, Standing
from providers.registry import KNOWN
from store.reconciliation.repairs import explanation_of
from store.tables import Reconciliation, ReconciliationItem


def _known(name: str) -> str:
    if name not in KNOWN:
        raise ValueError(f"one of {', '.join(sorted(KNOWN))}")
    return name


Provider = Annotated[str, AfterValidator(_known), Field(examples=["giftcard-partners"])]


class ReconciliationBody(BaseModel):
    """A provider and a period: `from` is included, `to` is not, and may lie ahead."""

    model_config = with_examples(
        {
            "provider": "giftcard-partners",
            "from": "2026-10-01T00:00:00Z",
            "to": "2026-11-01T00:00:00Z",
        },
        extra="forbid",
    )

    provider: Provider
    since: Instant = Field(alias="from")
    until: Instant = Field(alias="to")

    @model_validator(mode="after")
    def _is_a_period(self) -> ReconciliationBody:
        if self.since >= self.until:
            raise ValueError("`from` must lie before `to`")
        return self


class Progress(BaseModel):
    """How far a run is. `slice` of `slices` of the provider's book are read."""

    stage: Literal["waiting", "reading", "comparing", "done"] = Field(examples=["done"])
    lines: int = Field(
        default=0, description="Lines of the provider's book staged so far.", examples=[1204]
    )
    slice: int | None = None
    slices: int | None = None


class ReconciliationAnswer(BaseModel):
    """One comparison of grants, ledger and a provider's book."""

    id: str = Field(examples=["rec_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["reconciliation"] = "reconciliation"
    provider: ProviderName
    since: datetime = Field(alias="from", examples=["2026-11-01T00:00:00Z"])
    until: datetime = Field(alias="to", examples=["2026-12-01T00:00:00Z"])
    source: Literal["provider", "statement"]
    status: Literal["running", "completed", "failed"] = Field(examples=["completed"])
    progress: Progress
    totals: dict[Filed, int] = Field(
        description="How many orders are filed as what.",
        examples=[{"matched": 1203, "missing_at_provider": 1}],
    )
    differences: int | None = Field(
        description="All but matched and in flight; null till then.", examples=[1]
    )
    detail: str | None = Field(description="Why it failed.")
    created_at: datetime
    finished_at: datetime | None = Field(examples=["2026-11-20T09:30:04Z"])

    @classmethod
    def of(cls, run: Reconciliation) -> ReconciliationAnswer:
        totals = {Filed(word): count for word, count in run.totals.items()}
        members = run.model_dump(include=set(cls.model_fields) - {"object", "since", "until"})
        return cls.model_validate(
            members
            | {"from": run.since, "to": run.until, "totals": totals}
            | {"differences": sum(totals[word] for word in DIFFERENCES) if totals else None}
        )


class ReconciliationList(Listed[ReconciliationAnswer]):
    """Reconciliations."""


class ItemAnswer(BaseModel):
    """An order that is not matched: the three books beside each other."""

    id: str = Field(examples=["5f0c2a9be71d4c83a6f2e9d07b1c4e8f"])
    object: Literal["reconciliation_item"] = "reconciliation_item"
    filed: Filed = Field(examples=["missing_at_provider"])
    key: OrderKey | None
    provider_order_id: ProviderOrderId | None
    order_id: OrderId | None
    grant_id: GrantId | None
    ours: Standing
    ledger: Standing
    theirs: Standing = Field(examples=[{}])
    cause: str = Field(
        description="The likely one.",
        examples=["The provider lost or removed the order, or files it under another account."],
    )
    repair: Repair = Field(description="What POST …/repair does.", examples=["write_off"])
    status: Literal["open", "repairing", "repaired"]
    outcome: str | None
    repaired_by: str | None
    reason: str | None
    repaired_at: datetime | None

    @classmethod
    def of(cls, item: ReconciliationItem) -> ItemAnswer:
        explanation = explanation_of(item)
        members = item.model_dump(include=set(cls.model_fields) - {"object"})
        return cls(**members, cause=explanation.cause, repair=explanation.repair)


class ItemList(Listed[ItemAnswer]):
    """Items of a reconciliation."""


class RepairBody(BaseModel):
    """Why; it goes into the audit trail. No personal data: it is kept for ever."""

    model_config = with_examples(
        {"reason": "Confirmed by the provider, ticket 88."}, extra="forbid"
    )

    reason: str = Field(min_length=1, max_length=500)


_BOOKS = ("ours", "ledger", "theirs")
COLUMNS = [
    *("id", "filed", "key", "provider_order_id", "order_id", "grant_id"),
    *(f"{book}_{name}" for book in _BOOKS for name in Standing.model_fields),
    *("cause", "repair", "status", "outcome"),
]


def csv_lines(items: Iterable[ReconciliationItem], *, header: bool) -> str:
    """Items as CSV lines: ids, words of ours, amounts in minor units."""
    return csv_text(COLUMNS, map(_row, items), header=header)


def _row(item: ReconciliationItem) -> dict[str, Any]:
    answer = ItemAnswer.of(item).model_dump(mode="json")
    flat = {f"{book}_{name}": value for book in _BOOKS for name, value in answer[book].items()}
    return answer | flat
