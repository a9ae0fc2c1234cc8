"""Templates of messages, as they are sent and answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.http.fields import FromRow, Strict, with_examples
from api.http.ids import GrantId
from api.http.lists import Listed
from domain.messaging.languages import Language
from domain.messaging.templates import Rendered, Template
from store.messages.templates import TemplateRead

_MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>Hi {{ customer.first_name }}, you have "
    "{{ reward.amount }}.</mj-text></mj-column></mj-section></mj-body></mjml>"
)
EXAMPLE: dict[str, Any] = {
    "name": "reward here, short",
    "channel": "email",
    "language": "en",
    "subject": "Your reward is here",
    "mjml": _MJML,
}
_CONTENT: dict[str, Any] = {"text": None, "body": None, "translations": {}}


class TemplateIn(Strict, Template):
    """Liquid. A mail has `subject` and `mjml` (its plain text is made from that, unless `text` is
    given), a text message `text`, an HTTP call `body`, an alarm `subject` and `text`."""

    model_config = with_examples(EXAMPLE)

    @property
    def template(self) -> Template:
        return Template.model_validate(self.model_dump())


class TemplateAnswer(Template):
    """A template in one version."""

    model_config = with_examples(
        {
            "id": "tpl_01jd3v5q8g6w2x4y7z9a1b3c5d",
            "object": "template",
            "version": 1,
            "created_at": "2026-11-20T09:30:00Z",
            "updated_at": None,
        }
        | EXAMPLE
        | _CONTENT
    )

    id: str
    object: Literal["template"] = "template"
    version: int
    created_at: datetime
    updated_at: datetime | None

    @classmethod
    def of(cls, read: TemplateRead) -> TemplateAnswer:
        row = read.row
        return cls(
            id=row.id,
            version=read.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
            **read.template.model_dump(),
        )


class TemplateList(Listed[TemplateAnswer]):
    """Templates."""


class TemplateVersionAnswer(FromRow):
    """One version of a template: who wrote it, and when."""

    version: int
    actor: str | None = Field(
        description="A credential's id, or `act_…` for the person behind it; null: it came with "
        "Guerdon."
    )
    created_at: datetime


class TemplateVersionList(BaseModel):
    """All versions of a template, newest first."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[TemplateVersionAnswer]
    total: int


class PreviewIn(Strict):
    """With a grant's data, or with sample data."""

    model_config = with_examples({"language": "en"})

    language: Language | None = None
    grant_id: GrantId | None = Field(
        default=None, description="Whose data are shown: by callers who may see persons."
    )
    sample: bool = True


class Preview(BaseModel):
    """What a reader would get. Claim links are hidden."""

    model_config = with_examples(
        {
            "language": "en",
            "subject": "Your reward is here",
            "html": "<!doctype html>…",
            "text": "Hi Jane, you have $15.00.\n",
            "body": None,
            "people": [],
        }
    )

    language: str
    subject: str | None
    html: str | None
    text: str | None
    body: dict[str, Any] | None
    people: list[str] = Field(
        description="Our ids of the people whose data are shown: when one of them is erased, a "
        "stored answer is found by them."
    )

    @classmethod
    def of(cls, made: Rendered, people: list[str]) -> Preview:
        return cls(**made._asdict(), people=people)
