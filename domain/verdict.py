"""What a check answers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Verdict(BaseModel):
    """One check's answer. `detail` says it in words; `numbers` are what it was decided by."""

    check: str
    passed: bool
    detail: str
    numbers: dict[str, Any] = {}
    rule_id: str | None = None
    """The validation rule, where it was one."""
    flagged: bool = False
    """Passed, but worth a person's look."""
