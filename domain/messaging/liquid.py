"""Liquid, without anything that reaches outside a template.

`include` and `render` are removed and there is no loader. An unknown name is an error, not an empty
place. What a template may cost is limited, because people write templates with loops."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from liquid import BoundTemplate, DictLoader, Environment, Mode, StrictUndefined
from liquid.exceptions import LiquidError

LONGEST_SOURCE = 100_000
"""Characters of one template. A mail is clipped by Gmail beyond 102 KB of HTML."""
_LONGEST_OUTPUT = 400_000
_REMOVED_TAGS = ("include", "render")
_REMOVED_FILTERS = ("safe",)
"""`safe` would let a customer's name through as markup."""


class TemplateFault(ValueError):
    """A template that cannot be rendered. Its words are for the template's author, and may quote a
    value; `place` quotes none, and may be stored."""

    def __init__(self, words: str, place: str = "") -> None:
        super().__init__(words)
        self.place = place or words


class _Bounded(Environment):
    context_depth_limit = 10
    loop_iteration_limit = 10_000
    local_namespace_limit = 200_000
    output_stream_limit = _LONGEST_OUTPUT


def _environment(*, escapes: bool) -> Environment:
    made = _Bounded(
        tolerance=Mode.STRICT,
        loader=DictLoader({}),
        undefined=StrictUndefined,
        strict_filters=True,
        autoescape=escapes,
    )
    for tag in _REMOVED_TAGS:
        del made.tags[tag]
    for filter in _REMOVED_FILTERS:
        del made.filters[filter]
    return made


_MARKUP, _PLAIN = _environment(escapes=True), _environment(escapes=False)


class Lenient(dict[str, Any]):
    """The caller's own members, of which each customer has others: a missing one is empty."""

    def __missing__(self, key: str) -> str:
        return ""


def fill_markup(source: str, variables: Mapping[str, Any]) -> str:
    """Fill in a template of markup: every value is escaped. Raises TemplateFault."""
    return _fill(source, variables, escapes=True)


def fill_text(source: str, variables: Mapping[str, Any]) -> str:
    """Fill in a template of plain text. Raises TemplateFault."""
    return _fill(source, variables, escapes=False)


def _fill(source: str, variables: Mapping[str, Any], *, escapes: bool) -> str:
    try:
        return str(_compiled(source, escapes).render(**variables))
    except LiquidError as error:
        raise _fault(error) from None
    except (ArithmeticError, TypeError, ValueError, RecursionError) as error:
        raise TemplateFault(f"a filter cannot work on its value ({type(error).__name__})") from None


@lru_cache(maxsize=256)
def _compiled(source: str, escapes: bool) -> BoundTemplate:
    if len(source) > LONGEST_SOURCE:
        raise TemplateFault(f"a template has at most {LONGEST_SOURCE} characters")
    return (_MARKUP if escapes else _PLAIN).from_string(source)


def _fault(error: LiquidError) -> TemplateFault:
    context = error.context()
    line = f"line {context[0]}: " if context else ""
    message = str(error).partition("\n")[0]
    return TemplateFault(line + message, line + type(error).__name__)
