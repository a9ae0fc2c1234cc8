"""The result of a check."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from domain.refusals import CannotCount


class Verdict(BaseModel):
    """One check's result. `detail` says it in words; `numbers` are what it was decided by."""

    check: str = Field(examples=["own_code"])
    passed: bool
    detail: str = Field(examples=["The friend is not the referrer."])
    numbers: dict[str, Any] = {}
    rule_id: str | None = None
    """The validation rule, if the check was one."""
    flagged: bool = False
    """Passed, but a person should look at it."""


def refused(key: str, check: str, detail: str, **numbers: Any) -> CannotCount:
    """A refusal with its verdict."""
    return refused_by(key, Verdict(check=check, passed=False, detail=detail, numbers=numbers))


def refused_by(key: str, verdict: Verdict) -> CannotCount:
    """A refusal with an existing verdict."""
    return CannotCount(key, verdict.detail, verdicts=[verdict.model_dump(mode="json")])
