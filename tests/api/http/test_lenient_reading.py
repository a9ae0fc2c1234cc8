"""What shops send where they have nothing is read as not given, and they are told so."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from voucherify.models import CustomersUpdateRequestBody

from store.database import Database
from store.tables import Customer, PersonMark, Referral
from tests.api.api_bodies import (
    event_body,
    made,
    person,
    redemption_body,
    refused,
    share,
)
from tests.builders import number, one, rows

KNOWN = {
    "name": "Bob",
    "phone": "+12175550111",
    "description": "likes tea",
    "address": {"line_1": "1 Main Street", "line_2": "Flat 2", "city": "Springfield"},
}
NOTHING: list[tuple[str, Any, str]] = [
    ("email", "", "/customer/email"),
    ("email", "  ", "/customer/email"),
    ("name", "", "/customer/name"),
    ("phone", "", "/customer/phone"),
    ("phone", 12175550111, "/customer/phone"),
    ("birthdate", "", "/customer/birthdate"),
    ("address", [], "/customer/address"),
    ("address", {"city": ""}, "/customer/address/city"),
    ("address", {"postal_code": 62701}, "/customer/address/postal_code"),
    ("metadata", [], "/customer/metadata"),
    ("description", "", "/customer/description"),
]


def pointers(answer: dict[str, Any]) -> list[str]:
    return [warning["pointer"] for warning in answer.get("warnings", [])]


@pytest.mark.parametrize(("member", "given", "pointer"), NOTHING)
class TestNothing:
    async def test_in_an_event_converts_and_wipes_nothing(
        self,
        service: httpx.AsyncClient,
        database: Database,
        member: str,
        given: Any,
        pointer: str,
    ) -> None:
        shared = await share(service)
        friend = person(email=f"bob{number()}@example.com", **KNOWN)
        before = await made(service.post("/v1/customers", json=friend))
        sent = {"source_id": friend["source_id"], member: given}
        answer = await made(service.post("/v1/events", json=event_body(shared.code, sent)))
        assert answer["referral"]["status"] == "converted"
        assert pointers(answer) == [pointer]
        after = await made(service.get(f"/v1/customers/{before['id']}"))
        for name in ("name", "email", "phone", "description", "address", "metadata"):
            assert after[name] == before[name]

    async def test_in_a_customer_s_own_body(
        self, service: httpx.AsyncClient, member: str, given: Any, pointer: str, database: Database
    ) -> None:
        friend = person(email=f"bob{number()}@example.com", **KNOWN)
        before = await made(service.post("/v1/customers", json=friend))
        for sending in (
            service.post("/v1/customers", json={"id": before["id"], member: given}),
            service.put(f"/v1/customers/{before['id']}", json={member: given}),
        ):
            answer = await made(sending)
            assert pointers(answer) == [pointer.removeprefix("/customer")]
            assert (answer["name"], answer["email"]) == (before["name"], before["email"])


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"referral": []}, "/referral"),
        ({"order": []}, "/order"),
        ({"metadata": []}, "/metadata"),
        ({"referal": {"code": "X"}}, "/referal"),
        ({"order": {"id": "", "amount": 4000}}, "/order/id"),
    ],
)
async def test_in_the_event_itself(
    service: httpx.AsyncClient, changes: dict[str, Any], pointer: str
) -> None:
    shared = await share(service)
    friend = person()
    signed = {"code": shared.code, "customer": friend}
    await made(service.post("/v1/referrals", json=signed), 201)
    answer = await made(service.post("/v1/events", json=event_body(None, friend) | changes))
    assert answer["referral"]["status"] == "converted"
    assert pointers(answer) == [pointer]


async def test_in_a_redemption(service: httpx.AsyncClient) -> None:
    shared = await share(service)
    body = redemption_body(shared.code, person(email=""), tracking_id="", metadata=[])
    answer = await made(service.post("/v1/redemptions", json=body))
    assert sorted(pointers(answer)) == ["/customer/email", "/metadata", "/tracking_id"]


async def test_a_repeat_under_one_key_is_told_the_same(service: httpx.AsyncClient) -> None:
    shared = await share(service)
    body = event_body(shared.code, person(email=""))
    headers = {"Idempotency-Key": f"key-{number()}"}
    first = await made(service.post("/v1/events", json=body, headers=headers))
    again = await made(service.post("/v1/events", json=body, headers=headers))
    assert pointers(first) == ["/customer/email"]
    assert again == first


async def test_nobody_is_named_by_a_blank(service: httpx.AsyncClient) -> None:
    for path, body, pointer in (
        ("/v1/events", event_body(None, {"source_id": " "}), "/customer/source_id"),
        ("/v1/customers", {"source_id": "", "name": "Bob"}, "/source_id"),
    ):
        refused(await service.post(path, json=body), 400, "invalid_payload", pointer)


class TestNull:
    async def test_in_a_put_empties(self, service: httpx.AsyncClient, database: Database) -> None:
        friend = person(email="bob@example.com", birthdate="1990-02-03", **KNOWN)
        customer = await made(service.post("/v1/customers", json=friend))
        path = f"/v1/customers/{customer['id']}"
        names = ("name", "email", "phone", "description", "birthdate")
        answer = await made(service.put(path, json=dict.fromkeys(names)))
        assert [answer[name] for name in names] == [None] * 5
        assert answer["address"]["city"] == "Springfield"
        assert {mark.value for mark in await rows(database, PersonMark)} == {
            "bob@example.com",
            "+12175550111",
        }

    async def test_that_the_official_sdk_fills_a_body_up_with_empties_nothing(
        self, service: httpx.AsyncClient
    ) -> None:
        customer = await made(service.post("/v1/customers", json=person(**KNOWN)))
        change = CustomersUpdateRequestBody.from_dict({"phone": "+12175550122"})
        assert change is not None
        body = change.to_dict()
        assert body["name"] is None
        answer = await made(service.put(f"/v1/customers/{customer['id']}", json=body))
        assert (answer["name"], answer["phone"]) == ("Bob", "+12175550122")
        assert answer["address"] == customer["address"]

    async def test_of_a_line_of_the_address(self, service: httpx.AsyncClient) -> None:
        customer = await made(service.post("/v1/customers", json=person(**KNOWN)))
        path = f"/v1/customers/{customer['id']}"
        change = {"address": {"line_2": None, "city": "Shelbyville"}}
        answer = await made(service.put(path, json=change))
        assert (answer["address"]["line_2"], answer["address"]["city"]) == (None, "Shelbyville")
        assert answer["address"]["line_1"] == "1 Main Street"
        assert (await made(service.put(path, json={"address": None})))["address"] is None

    async def test_elsewhere_leaves_it_alone(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        customer = await made(service.post("/v1/customers", json=person(**KNOWN)))
        sent = {"id": customer["id"], "name": None, "phone": None}
        await made(service.post("/v1/customers", json=sent))
        await made(service.post("/v1/events", json=event_body(None, sent)))
        row = await one(database, Customer, id=customer["id"])
        assert (row.name, row.phone) == ("Bob", "+12175550111")
        assert await rows(database, Referral) == []
