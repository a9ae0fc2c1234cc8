"""What a person agreed to receive, since when, and who says so."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.dates import Instant

BY_THEMSELVES = "unsubscribe"
"""The source of a withdrawal that the person made with our own link."""
LONGEST_SOURCE = 200


class Consent(BaseModel):
    """Agreed to marketing on one channel, or withdrew it. `true` and `false` are short for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    granted: bool
    at: Instant | None = Field(
        default=None,
        description="When the person said so. Left out: now, and it does not undo a withdrawal "
        "that the person made with our unsubscribe link.",
    )
    source: str | None = Field(
        default=None,
        max_length=LONGEST_SOURCE,
        description="Where they said so.",
        examples=["checkout"],
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"granted": value} if isinstance(value, bool) else value


def supersedes(new: Consent, stored: Consent | None, stored_at: Instant | None) -> bool:
    """Whether a new statement replaces the stored one. An older one never does. One without a time
    is often a CRM's nightly copy: it must not undo what the person did themselves."""
    if stored is None or stored_at is None:
        return True
    if new.at is None:
        return not (new.granted and not stored.granted and stored.source == BY_THEMSELVES)
    return new.at >= stored_at
