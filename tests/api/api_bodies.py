"""Request bodies for the tests of the API, and what they are sent for."""

from __future__ import annotations

from typing import Any, NamedTuple

import httpx

from tests.builders import EVENT, PROVIDER, number


class Shared(NamedTuple):
    """A campaign made over HTTP, and the code that its referrer shares."""

    campaign_id: str
    campaign: str
    code: str
    referrer: dict[str, str]


def card(amount: Any = 1500, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "gift_card",
        "provider": PROVIDER,
        "product_id": "CVS",
        "amount": amount,
    } | changes


def tier(reward: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    given = {"name": "every friend", "criterion": "each_unique_referee", "reward": reward or card()}
    return given | changes


def campaign_body(program: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """CONTRACT §3's campaign. `program` changes members of referral_program."""
    return {
        "name": f"Refer a friend {number()}",
        "campaign_type": "REFERRAL_PROGRAM",
        "type": "AUTO_UPDATE",
        "join_once": True,
        "start_date": None,
        "expiration_date": None,
        "metadata": {},
        "voucher": {
            "type": "DISCOUNT_VOUCHER",
            "discount": {"type": "PERCENT", "percent_off": 10},
            "redemption": {"quantity": None},
            "code_config": {"length": 8, "pattern": "REF-########"},
        },
        "referral_program": {
            "conversion_event_type": "custom_event",
            "custom_event": {"name": EVENT},
            "referee_reward": card(),
            "tiers": [tier()],
        }
        | (program or {}),
    } | changes


REDEMPTION: dict[str, Any] = {"conversion_event_type": "redemption", "custom_event": None}
"""Members of a referral_program that converts on code redemption."""


def person(**changes: Any) -> dict[str, Any]:
    return {"source_id": f"friend-{number()}"} | changes


def event_body(code: str | None, customer: dict[str, Any] | None = None, **changes: Any) -> Any:
    body = {"event": EVENT, "customer": customer or person()}
    return body | ({"referral": {"code": code}} if code else {}) | changes


def redemption_body(
    code: str, customer: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    return {
        "redeemables": [{"object": "voucher", "id": code}],
        "customer": customer or person(),
        "order": {"source_id": f"order-{number()}", "amount": 4000},
    } | changes


async def made(sending: Any, status: int = 200) -> Any:
    """The JSON of an answer that has to have this status."""
    response: httpx.Response = await sending
    assert response.status_code == status, response.text
    return response.json()


async def share(
    client: httpx.AsyncClient, program: dict[str, Any] | None = None, **changes: Any
) -> Shared:
    """Create a campaign and publish a code to a new referrer."""
    body = campaign_body(program, **changes)
    campaign = await made(client.post("/v1/campaigns", json=body))
    referrer = person(name="Jane Doe", email=f"jane{number()}@acme.com")
    publication = await made(
        client.post(
            "/v1/publications", json={"campaign": {"name": body["name"]}, "customer": referrer}
        )
    )
    return Shared(campaign["id"], body["name"], publication["voucher"]["code"], referrer)


def refused(response: httpx.Response, status: int, key: str, pointer: str | None = None) -> None:
    """Check that an answer is a whole problem with this key (naming this field)."""
    body = response.json()
    assert (response.status_code, body["key"]) == (status, key), response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert body["status"] == body["code"] == status
    assert body["type"]
    assert body["title"] == body["message"]
    assert body["detail"] == body["details"]
    assert body["request_id"] == response.headers["x-request-id"]
    if pointer is not None:
        assert pointer in [error.get("pointer") for error in body["errors"]], body["errors"]
