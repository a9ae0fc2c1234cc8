"""Templates: one message in one or more languages, and their rendering."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Self

import mrml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.messaging.channels import Channel
from domain.messaging.languages import Language, choose
from domain.messaging.liquid import LONGEST_SOURCE, TemplateFault, fill_markup, fill_text
from domain.messaging.plain_text import plain_text
from domain.messaging.variables import BARE, SAMPLE, Facts, variables

_COMPONENTS = """
mjml mj-head mj-body mj-attributes mj-all mj-class mj-breakpoint mj-font mj-html-attributes
mj-selector mj-html-attribute mj-preview mj-style mj-title mj-raw mj-accordion
mj-accordion-element mj-accordion-title mj-accordion-text mj-button mj-carousel mj-carousel-image
mj-column mj-divider mj-group mj-hero mj-image mj-navbar mj-navbar-link mj-section mj-social
mj-social-element mj-spacer mj-table mj-text mj-wrapper
"""
"""MJML's own, without `mj-include`. The library leaves others in the mail as they are."""
_KNOWN = frozenset(_COMPONENTS.split())
_TAGS = re.compile(r"<\s*(mj[\w-]*)", re.IGNORECASE)
_NO_FILES = mrml.ParserOptions(include_loader=mrml.memory_loader({}))
"""Its other loaders read files and the network."""
_LONGEST_SUBJECT = 255
_DEEPEST = 20

Source = str | None


class Content(BaseModel):
    """A message's sources in one language. Which of them a channel takes: `must_fit`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: Source = Field(default=None, max_length=1000, examples=["{{ friend.name }} joined"])
    mjml: Source = Field(default=None, max_length=LONGEST_SOURCE)
    text: Source = Field(default=None, max_length=LONGEST_SOURCE)
    """Of a mail: instead of the text that is taken from its MJML."""
    body: dict[str, Any] | None = Field(
        default=None, examples=[{"to": "{{ customer.phone }}", "text": "Hi {{ customer.name }}"}]
    )
    """JSON, whose texts are templates: so no value can break out of its place."""


class Rendered(NamedTuple):
    """A message, ready to be sent."""

    language: str
    subject: str | None
    html: str | None
    text: str | None
    body: dict[str, Any] | None


_NEEDS: dict[Channel, tuple[frozenset[str], frozenset[str]]] = {
    Channel.EMAIL: (frozenset({"subject", "mjml"}), frozenset({"text"})),
    Channel.SMS: (frozenset({"text"}), frozenset()),
    Channel.HTTP: (frozenset({"body"}), frozenset()),
    Channel.ALARM: (frozenset({"subject", "text"}), frozenset()),
}
"""By channel, what a content must have and may have."""


def must_fit(channel: Channel, content: Content) -> None:
    """Raises ValueError if a member is missing, or is none of this channel's."""
    given = {name for name in Content.model_fields if getattr(content, name) is not None}
    needed, possible = _NEEDS[channel]
    if missing := sorted(needed - given):
        raise ValueError(f"a template for {channel} needs {' and '.join(missing)}")
    if odd := sorted(given - needed - possible):
        raise ValueError(f"a template for {channel} has no {odd[0]}")


class Template(Content):
    """One message for one channel, in its own language and further ones."""

    name: str = Field(min_length=1, max_length=200, examples=["reward here"])
    channel: Channel
    language: Language = Field(default="en", examples=["en"])
    translations: dict[Language, Content] = Field(
        default={}, max_length=100, examples=[{}], description="Further languages."
    )

    @model_validator(mode="after")
    def _every_language_fits(self) -> Self:
        if self.language in self.translations:
            raise ValueError(f"{self.language} is the template's own language: give it once")
        must_fit(self.channel, self)
        for content in self.translations.values():
            must_fit(self.channel, content)
        return self

    def in_language(self, wanted: str | None) -> tuple[str, Content]:
        """The language that a reader gets, and its content."""
        language = choose(wanted, self.translations.keys() | {self.language}, self.language)
        return language, self.translations.get(language, self)

    def render(self, facts: Facts, wanted: str | None) -> Rendered:
        """The message for these facts. Raises TemplateFault."""
        language, content = self.in_language(wanted)
        names = variables(facts, language)
        filled = fill_markup(content.mjml, names) if content.mjml else None
        text = fill_text(content.text, names) if content.text else None
        return Rendered(
            language,
            _subject(fill_text(content.subject, names)) if content.subject else None,
            _html(filled, language) if filled else None,
            text if text is not None else plain_text(filled) if filled else None,
            _body(content.body, names) if content.body else None,
        )

    def must_render(self) -> None:
        """Raises TemplateFault, naming the language, unless every language renders, also where
        little is known."""
        for language in (self.language, *self.translations):
            for facts in (SAMPLE, BARE):
                try:
                    self.render(facts, language)
                except TemplateFault as fault:
                    raise TemplateFault(f"{language}: {fault}") from None


def _subject(text: str) -> str:
    """One line: a line break would begin another header."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SUBJECT else line[: _LONGEST_SUBJECT - 1] + "…"


def _html(mjml: str, language: str) -> str:
    if odd := sorted({tag.lower() for tag in _TAGS.findall(mjml)} - _KNOWN):
        raise TemplateFault(f"{odd[0]} is no component that a mail may have")
    try:
        made = mrml.to_html(mjml.strip(), parser_options=_NO_FILES)
    except OSError as error:  # the library's only error
        raise TemplateFault(
            f"the MJML cannot be read: {error}", "the MJML cannot be read"
        ) from None
    if "<body" not in made.content or "<mj-body" not in mjml:
        raise TemplateFault("the MJML has no mj-body")
    return made.content.replace('lang="und"', f'lang="{language}"')


def _body(value: Any, names: dict[str, Any], depth: int = 0) -> Any:
    """JSON with every text filled in; its members' names stay."""
    if depth > _DEEPEST:
        raise TemplateFault(f"the body is nested more than {_DEEPEST} deep")
    if isinstance(value, str):
        return fill_text(value, names)
    if isinstance(value, dict):
        return {name: _body(one, names, depth + 1) for name, one in value.items()}
    if isinstance(value, list):
        return [_body(one, names, depth + 1) for one in value]
    return value
