"""What a check answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from domain.refusals import CannotCount


class Verdict(BaseModel):
    """One check's answer. `detail` says it in words; `numbers` are what it was decided by."""

    check: str = Field(examples=["own_code"])
    passed: bool
    detail: str = Field(examples=["The friend is not the referrer."])
    numbers: dict[str, Any] = {}
    rule_id: str | None = None
    """The validation rule, where it was one."""
    flagged: bool = False
    """Passed, but worth a person's look."""


def refused(key: str, check: str, detail: str, **numbers: Any) -> CannotCount:
    """A refusal that carries its verdict."""
    return refused_by(key, Verdict(check=check, passed=False, detail=detail, numbers=numbers))


def refused_by(key: str, verdict: Verdict) -> CannotCount:
    """The same, for a verdict that there is."""
    return CannotCount(key, verdict.detail, verdicts=[verdict.model_dump(mode="json")])
