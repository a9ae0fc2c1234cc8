"""Bodies about exports."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.http.masking import persons_are_shown
from store.exports.exports import personal
from store.exports.query import Asked
from store.tables import Export


class ExportIn(BaseModel):
    """What to export: `customer`, `publication`, `redemption` or `voucher`."""

    exported_object: str = Field(max_length=64)
    parameters: Asked | None = None


class ExportResult(BaseModel):
    """Where the file is. It is fetched with the same credentials as everything else."""

    url: str = Field(
        examples=[
            "https://guerdon.example/v1/exports/exp_01jd3v5q8g6w2x4y7z9a1b3c5d?token=01jd3v5q8g6w2x4y7z9a1b3c5d"
        ]
    )


class ExportAnswer(BaseModel):
    """An export. `SCHEDULED` when it is created, `DONE` as soon as it is read again: the file is
    written while it is fetched, and holds what there was at `created_at`."""

    id: str = Field(examples=["exp_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    object: Literal["export"] = "export"
    created_at: datetime
    status: Literal["SCHEDULED", "DONE"] = Field(examples=["DONE"])
    channel: Literal["API"] = "API"
    result: ExportResult | None
    user_id: None = None
    exported_object: str = Field(examples=["redemption"])
    parameters: dict[str, Any] = Field(
        description="Empty where they name people and the role may not see them.",
        examples=[{"fields": ["id", "result"]}],
    )

    @classmethod
    def of(cls, row: Export, public_url: str) -> ExportAnswer:
        url = f"{public_url.rstrip('/')}/v1/exports/{row.id}?token={row.id.partition('_')[2]}"
        return cls(
            id=row.id,
            created_at=row.created_at,
            status="DONE",
            result=ExportResult(url=url),
            exported_object=row.exported_object,
            parameters=row.parameters if persons_are_shown() or not personal(row) else {},
        )

    @classmethod
    def scheduled(cls, row: Export) -> ExportAnswer:
        """The answer on creation: Voucherify's clients then poll until it is done."""
        answer = cls.of(row, "")
        return answer.model_copy(update={"status": "SCHEDULED", "result": None})


class ExportList(BaseModel):
    """A page of exports, newest first, under Voucherify's name for it."""

    object: Literal["list"] = "list"
    data_ref: Literal["exports"] = "exports"
    exports: list[ExportAnswer]
    total: int
    has_more: bool = Field(examples=[False])
