"""Turns an export's parameters into a statement. What cannot be exported is refused when the export
is created, never left out of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, String, Text, and_, case, cast, func, literal, not_, or_, true
from sqlmodel import AutoString, col

from domain.dates import in_calendar, not_digits
from domain.outgoing_csv import BLANKS, NUMBER, STARTS, guarded
from domain.refusals import InvalidPayload
from store.exports.objects import OBJECTS, Column, Exported
from store.lists.pages import AnySelect
from store.tables import Customer, Publication, Redemption, Voucher

_INSTANT: TypeAdapter[datetime] = TypeAdapter(Annotated[datetime, BeforeValidator(not_digits)])
_BORN = {
    "customer": col(Customer.created_at),
    "publication": col(Publication.created_at),
    "redemption": col(Redemption.created_at),
    "voucher": col(Voucher.created_at),
}


class Asked(BaseModel):
    """Parameters of an export: field names, a field to sort by (`-` in front: descending), and
    Voucherify's filters."""

    model_config = ConfigDict(extra="forbid")

    order: str | None = Field(default=None, max_length=100)
    fields: list[str] | None = Field(default=None, max_length=100)
    filters: dict[str, Any] | None = None
    campaign_id: str | None = Field(default=None, max_length=64)


def statement_of(kind: str, asked: Asked, until: datetime) -> AnySelect:
    """The SELECT of a file: what existed at `until`. Raises InvalidPayload."""
    if kind not in OBJECTS:
        raise InvalidPayload(
            f"Cannot export {kind!r}: supported are {', '.join(sorted(OBJECTS))}.",
            field="/exported_object",
        )
    exported, born = OBJECTS[kind], _BORN[kind]
    columns = [
        guard(_field(exported, name, f"/parameters/fields/{index}")).label(guarded(name))
        for index, name in enumerate(asked.fields or exported.defaults)
    ]
    statement = exported.source.with_only_columns(*columns, maintain_column_froms=True)
    statement = statement.where(born <= until, _filter(exported, born, asked))
    return statement.order_by(*_order(exported, asked.order))


def personal_fields(kind: str, asked: Asked) -> list[str]:
    """The personal fields that are shown, filtered by or sorted by: all three reveal them."""
    named = [*(asked.fields or OBJECTS[kind].defaults), *(asked.filters or {})]
    named += [asked.order.removeprefix("-")] if asked.order else []
    return [name for name in dict.fromkeys(named) if _is_personal(kind, name)]


def filtered_by(kind: str, asked: Asked, words: set[str]) -> bool:
    """Whether a filter on a personal field contains one of these words, or a part of one."""
    values = {value.casefold() for name, value in _filter_values(asked) if _is_personal(kind, name)}
    known = [word.casefold() for word in words]
    return any(value in word for value in values for word in known)


def _filter_values(asked: Asked) -> Iterator[tuple[str, str]]:
    for name, filtered in (asked.filters or {}).items():
        conditions = filtered.get("conditions") if isinstance(filtered, dict) else None
        for given in (conditions or {}).values():
            for value in given if isinstance(given, list) else [given]:
                yield name, str(value)


def _is_personal(kind: str, name: str) -> bool:
    return name in OBJECTS[kind].personal or name.partition(".")[0] == "metadata"


def _field(exported: Exported, name: str, pointer: str) -> Column:
    if name.startswith("metadata."):
        return exported.metadata[name.removeprefix("metadata.")].astext
    if name == "metadata":
        return exported.metadata
    if name not in exported.fields:
        known = ", ".join([*exported.fields, "metadata", "metadata.NAME"])
        raise InvalidPayload(f"Unknown field {name!r}. There are: {known}.", field=pointer)
    return exported.fields[name]


def _order(exported: Exported, order: str | None) -> list[Column]:
    """As requested, then by id, so that a file's order is fixed."""
    if order is None:
        return [exported.id.desc()]
    column = _field(exported, order.removeprefix("-"), "/parameters/order")
    return [column.desc() if order.startswith("-") else column.asc(), exported.id.desc()]


def _filter(exported: Exported, born: Any, asked: Asked) -> ColumnElement[bool]:
    filters = dict(asked.filters or {})
    if asked.campaign_id:
        filters["campaign_id"] = {"conditions": {"$is": [asked.campaign_id]}}
    junction = str(filters.pop("junction", None) or "and").lower()
    if junction not in ("and", "or"):
        raise InvalidPayload("Must be AND or OR.", field="/parameters/filters/junction")
    conditions = [_condition(exported, born, name, asked_of) for name, asked_of in filters.items()]
    return (and_ if junction == "and" else or_)(*conditions) if conditions else true()


def _condition(exported: Exported, born: Any, name: str, asked_of: Any) -> ColumnElement[bool]:
    pointer = f"/parameters/filters/{name}"
    column = _field(exported, name, pointer)
    conditions = asked_of.get("conditions") if isinstance(asked_of, dict) else None
    if not isinstance(conditions, dict) or not conditions:
        raise InvalidPayload('Give {"conditions": {"$is": [...]}}.', field=pointer)
    return and_(
        *(
            _compared(column, born, name, word, values, f"{pointer}/conditions/{word}")
            for word, values in conditions.items()
        )
    )


_WORDS: dict[str, Callable[[Any, list[str]], ColumnElement[bool]]] = {
    "$is": lambda column, values: column.in_(values),
    "$in": lambda column, values: column.in_(values),
    "$is_not": lambda column, values: column.is_(None) | column.not_in(values),
    "$not_in": lambda column, values: column.is_(None) | column.not_in(values),
    "$starts_with": lambda column, values: column.startswith(values[0], autoescape=True),
    "$contains": lambda column, values: column.contains(values[0], autoescape=True),
}


def _compared(
    column: Any, born: Any, name: str, word: str, values: Any, pointer: str
) -> ColumnElement[bool]:
    listed = values if isinstance(values, list) else [values]
    if word in ("$before", "$after") and name in ("created_at", "date"):
        at = _instant(listed, pointer)
        compared: ColumnElement[bool] = born < at if word == "$before" else born > at
        return compared
    if word not in _WORDS:
        known = ", ".join([*_WORDS, "$before", "$after (both on created_at)"])
        raise InvalidPayload(f"Unknown condition {word!r}. There are: {known}.", field=pointer)
    if not listed or not all(isinstance(value, str) for value in listed):
        raise InvalidPayload("Give a list of strings.", field=pointer)
    # Filters are strings, whatever the column is.
    return _WORDS[word](cast(column, Text), listed)


def _instant(values: list[Any], pointer: str) -> datetime:
    try:
        (value,) = values
        at = _INSTANT.validate_python(value)
    except (ValueError, ValidationError):
        raise InvalidPayload("Give one time, RFC 3339.", field=pointer) from None
    if at.tzinfo is None:
        raise InvalidPayload("Give the time with its zone.", field=pointer)
    try:
        return in_calendar(at)
    except ValueError as error:
        raise InvalidPayload(f"{error}.", field=pointer) from None


def guard(column: Column) -> Any:
    """The column, with an apostrophe before a text that a spreadsheet could read as a formula. The
    first test is cheap, and fails for almost every cell."""
    if not isinstance(column.type, (String, AutoString)):
        return column
    suspect = func.left(func.ltrim(column, BLANKS), 1).in_(list(STARTS))
    return case(
        (and_(suspect, not_(column.regexp_match(NUMBER))), literal("'") + column), else_=column
    )
