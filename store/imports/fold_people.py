"""Folds rows about people into one row per person, as if they had come one after the other.

One statement can write a row only once: of two rows about one person the second must build on the
first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import any_, bindparam, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import col

from domain.customers import Person
from domain.imports import WrongRow
from domain.schemas import Schema
from store import metadata_schemas
from store.database import Transaction
from store.tables import Customer

Row = tuple[int, Person]
_KNOWN = select(col(Customer.id), col(Customer.source_id), col(Customer.attributes)).where(
    col(Customer.erased_at).is_(None),
    or_(
        col(Customer.id) == any_(bindparam("ids", type_=ARRAY(TEXT))),
        col(Customer.source_id) == any_(bindparam("source_ids", type_=ARRAY(TEXT))),
    ),
)


class Folded(NamedTuple):
    """One row per person, numbered like the person's first row, and the wrong rows."""

    people: list[Row]
    wrong: list[tuple[int, str]]


class _Somebody:
    """A stored person, plus what the rows so far say about them."""

    def __init__(self, id: str | None, source_id: str | None, metadata: dict[str, Any]) -> None:
        self.id, self.source_id, self.metadata = id, source_id, metadata
        self.said: Row | None = None

    def hear(self, number: int, person: Person, schema: Schema | None) -> None:
        """Merge a row. Raises WrongRow, and ignores the row, if the resulting metadata do not fit
        their schema."""
        metadata = self.metadata | person.metadata
        new = self.id is None and self.said is None
        if schema and (new or person.metadata):
            for name, reason in schema.misfits(metadata):
                raise WrongRow(f"metadata.{name}: {reason}")
        self.metadata = metadata
        self.said = (self.said[0], self.said[1].then(person)) if self.said else (number, person)

    def row(self) -> list[Row]:
        """The merged row, with both ids."""
        if self.said is None:
            return []
        number, person = self.said
        return [(number, person.model_copy(update={"id": self.id, "source_id": self.source_id}))]


class _People:
    """Everybody whom the rows may mean, by both ids."""

    def __init__(self, known: Iterable[Any]) -> None:
        self.everybody = [_Somebody(*row) for row in known]
        self._by_id = {one.id: one for one in self.everybody}
        self._by_source_id = {one.source_id: one for one in self.everybody if one.source_id}

    def meant(self, person: Person) -> _Somebody:
        """The person of a row; an `id` wins. Raises WrongRow."""
        if person.id is None:
            source_id = person.source_id or ""
            return self._by_source_id.get(source_id) or _Somebody(None, source_id, {})
        one = self._by_id.get(person.id)
        if one is None:
            raise WrongRow("id: is not a customer's")
        if person.source_id in self._by_source_id and one.source_id is None:
            raise WrongRow("source_id: is another customer's")
        return one

    def remember(self, one: _Somebody, person: Person) -> None:
        """Store whom a valid row was about. Gives a nameless customer its `source_id`."""
        one.source_id = one.source_id or person.source_id
        if one.source_id and one.source_id not in self._by_source_id:
            self._by_source_id[one.source_id] = one
            if one.id is None:
                self.everybody.append(one)


async def fold(tx: Transaction, rows: Iterable[Row]) -> Folded:
    """Each person's rows as one: later members win, address and metadata are merged. A row whose
    metadata do not fit the schema is reported, and does not block the others."""
    rows = list(rows)
    schema = await metadata_schemas.of(tx, "customer")
    people = _People(await tx.session.execute(_KNOWN, _names(rows)))
    wrong: list[tuple[int, str]] = []
    for number, person in rows:
        try:
            one = people.meant(person)
            one.hear(number, person, schema)
        except WrongRow as error:
            wrong.append((number, str(error)))
        else:
            people.remember(one, person)
    return Folded([row for one in people.everybody for row in one.row()], wrong)


def _names(rows: list[Row]) -> dict[str, list[str]]:
    return {
        "ids": [person.id for _, person in rows if person.id],
        "source_ids": [person.source_id for _, person in rows if person.source_id],
    }
