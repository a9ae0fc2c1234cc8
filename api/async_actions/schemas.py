"""Bodies about asynchronous actions."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from store.tables import AsyncAction


class Accepted(BaseModel):
    """Work has been accepted; `GET /v1/async-actions/{id}` follows it."""

    async_action_id: str = Field(examples=["aa_01jd3v5q8g6w2x4y7z9a1b3c5d"])


class RowFailure(BaseModel):
    """A wrong row: its number (1 is the first), and why."""

    row: int = Field(examples=[7])
    message: str = Field(examples=["Give source_id or id."])


class AsyncActionResult(BaseModel):
    """What became of the rows. `failed` lists the first thousand wrong ones."""

    message: str = Field(examples=["2 of 2 rows processed"])
    done_count: int = Field(examples=[2])
    created_count: int = Field(examples=[2])
    updated_count: int = Field(examples=[0])
    failed_count: int = Field(examples=[0])
    failed: list[RowFailure] = Field(examples=[[]])


class AsyncActionSummary(BaseModel):
    """An asynchronous action. `progress` in percent, `processing_time` in milliseconds."""

    id: str = Field(examples=["aa_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    type: str = Field(examples=["CUSTOMERS.IMPORT_CSV"])
    status: Literal["ENQUEUED", "IN_PROGRESS", "DONE", "FAILED"] = Field(examples=["DONE"])
    operation_status: Literal["SUCCESS", "FAILED", "UNKNOWN"]
    created_at: datetime
    updated_at: datetime | None
    request_id: str | None = Field(examples=["req_01jd3v5q8g6w2x4y7z9a1b3c5d"])
    processing_time: int = Field(examples=[840])
    progress: int = Field(examples=[100])
    object: Literal["async_action"] = "async_action"

    @classmethod
    def of(cls, row: AsyncAction) -> AsyncActionSummary:
        changed = row.finished_at or row.updated_at or row.created_at
        return cls(
            status="DONE" if row.finished_at else "IN_PROGRESS" if row.done else "ENQUEUED",
            operation_status=_outcome(row),
            processing_time=int((changed - row.created_at).total_seconds() * 1000),
            progress=100 * row.done // row.total if row.total else 100 * bool(row.finished_at),
            **row.model_dump(include={"id", "type", "created_at", "updated_at", "request_id"}),
        )


class AsyncActionAnswer(AsyncActionSummary):
    """One action, with what became of its rows so far."""

    result: AsyncActionResult

    @classmethod
    def of(cls, row: AsyncAction) -> AsyncActionAnswer:
        result = AsyncActionResult(
            message=f"{row.done} of {'?' if row.total is None else row.total} rows processed",
            done_count=row.done - row.failed,
            created_count=row.created,
            updated_count=row.updated,
            failed_count=row.failed,
            failed=[RowFailure.model_validate(failure) for failure in row.failures],
        )
        return cls(**AsyncActionSummary.of(row).model_dump(), result=result)


class AsyncActionList(BaseModel):
    """A page of actions, newest first, under Voucherify's name for it."""

    object: Literal["list"] = "list"
    data_ref: Literal["async_actions"] = "async_actions"
    async_actions: list[AsyncActionSummary]
    total: int
    has_more: bool = Field(examples=[False])


def _outcome(row: AsyncAction) -> Literal["SUCCESS", "FAILED", "UNKNOWN"]:
    if row.finished_at is None:
        return "UNKNOWN"
    return "FAILED" if row.failed and row.failed == row.done else "SUCCESS"
