"""Customers in bulk end as the same rows sent one by one do."""

from __future__ import annotations

from typing import Any, NamedTuple

import httpx
import pytest

from store.database import Database
from store.imports.handlers import work_off_part
from tests.api.api_bodies import made

Rows = list[dict[str, Any]]
_SHOWN = ("source_id", "name", "email", "phone", "birthdate", "description", "address", "metadata")


class Lane(NamedTuple):
    """One way to send rows, with people of its own: names end in the lane's letter."""

    letter: str
    client: httpx.AsyncClient
    ids: dict[str, str]

    def put(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row about this lane's people. `id` names a person who exists, by this test's word."""
        named = dict(row)
        if "source_id" in row:
            named["source_id"] = row["source_id"] + self.letter
        if "id" in row:
            named["id"] = self.ids.get(row["id"], "cust_none")
        return named

    async def begin(self, word: str, **body: Any) -> None:
        """Somebody who exists before."""
        self.ids[word] = (await made(self.client.post("/v1/customers", json=self.put(body))))["id"]

    async def end(self) -> Rows:
        """Everybody of this lane, as they are now."""
        page = await made(self.client.get("/v1/customers?limit=100"))
        mine = set(self.ids.values())
        people = [
            {name: one[name] for name in _SHOWN}
            for one in page["customers"]
            if one["id"] in mine or (one["source_id"] or "").endswith(self.letter)
        ]
        for one in people:
            one["source_id"] = (one["source_id"] or "").removesuffix(self.letter)
        return sorted(people, key=lambda one: (one["source_id"], str(one)))


async def _in_bulk(lane: Lane, database: Database, rows: Rows) -> list[int]:
    body = [lane.put(row) for row in rows]
    accepted = await made(lane.client.post("/v1/customers/bulk/async", json=body), 202)
    while await work_off_part(database, accepted["async_action_id"]):
        pass
    action = await made(lane.client.get(f"/v1/async-actions/{accepted['async_action_id']}"))
    return [failed["row"] for failed in action["result"]["failed"]]


async def _one_by_one(lane: Lane, rows: Rows) -> list[int]:
    sent = [await lane.client.post("/v1/customers", json=lane.put(row)) for row in rows]
    return [number for number, answer in enumerate(sent, 1) if answer.status_code != 200]


AUDITED: Rows = [
    {"source_id": "a", "name": "A", "metadata": {"m": 1}},
    {"source_id": "a", "email": "a@x.com", "metadata": {"n": 2}},
    {"source_id": "b", "phone": "+491"},
    {"source_id": "b", "email": "b@x.com"},
]
BOTH_NAMES: Rows = [
    {"id": "jane", "phone": "+492", "address": {"city": "Ulm"}},
    {"source_id": "jane", "address": {"country": "DE"}, "metadata": {"b": {"y": 2}}},
    {"id": "jane", "source_id": "other", "name": None, "metadata": {"c": None}},
    {"id": "nobody", "name": "X"},
]
NAMING: Rows = [
    {"id": "nameless", "source_id": "jane", "name": "taken"},
    {"id": "nameless", "source_id": "n", "phone": "+493"},
    {"source_id": "n", "name": "N"},
    {"id": "nameless", "source_id": "late", "birthdate": "2000-01-02"},
    {"source_id": "late", "name": "L"},
]
MANY: Rows = [
    {"source_id": f"p{number % 7}", "metadata": {str(number): number}} for number in range(50)
]
SCHEMA: Rows = [
    {"source_id": "no-plan", "name": "refused"},
    {"source_id": "jane", "name": "No metadata"},
    {"source_id": "jane", "metadata": {"seats": 3}},
    {"source_id": "jane", "name": "refused", "metadata": {"seats": "x"}},
    {"source_id": "late-plan", "name": "refused"},
    {"source_id": "late-plan", "metadata": {"plan": "pro"}},
    {"source_id": "late-plan", "metadata": {"seats": 2}},
]


@pytest.mark.parametrize("rows", [AUDITED, BOTH_NAMES, NAMING, MANY, AUDITED + BOTH_NAMES])
async def test_bulk_is_one_by_one(
    service: httpx.AsyncClient, database: Database, rows: Rows
) -> None:
    bulk, single = Lane("~bulk", service, {}), Lane("~single", service, {})
    for lane in (bulk, single):
        await lane.begin("jane", source_id="jane", name="Jane", metadata={"b": {"x": 1}})
        await lane.begin("nameless", name="Nobody yet")
    assert await _in_bulk(bulk, database, rows) == await _one_by_one(single, rows)
    assert await bulk.end() == await single.end()


async def test_metadata_is_judged_as_merged(
    service: httpx.AsyncClient, admin: httpx.AsyncClient, database: Database
) -> None:
    plan = {"plan": {"type": "string", "optional": False}, "seats": {"type": "number"}}
    await made(admin.put("/v1/metadata-schemas/customer", json={"properties": plan}))
    bulk, single = Lane("~bulk", service, {}), Lane("~single", service, {})
    for lane in (bulk, single):
        await lane.begin("jane", source_id="jane", metadata={"plan": "pro"})
    assert await _in_bulk(bulk, database, SCHEMA) == await _one_by_one(single, SCHEMA) == [1, 4, 5]
    assert await bulk.end() == await single.end()


async def test_two_rows_about_one_person_are_both_stored(
    service: httpx.AsyncClient, database: Database
) -> None:
    lane = Lane("", service, {})
    assert await _in_bulk(lane, database, AUDITED) == []
    a, b = [await made(service.get(f"/v1/customers/{who}")) for who in "ab"]
    assert (a["name"], a["email"], a["metadata"]) == ("A", "a@x.com", {"m": 1, "n": 2})
    assert (b["phone"], b["email"]) == ("+491", "b@x.com")
