"""Order ids that are none, as programs send them."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest

from tests.api.api_bodies import event_body, made, share


@pytest.mark.parametrize("odd", [True, 1.5, {"a": {"b": [1, "2", None]}}, ["x"], "", " ", None])
@pytest.mark.parametrize("name", ["order_source_id", "order_id"])
async def test_an_invalid_id_in_metadata_is_kept_as_metadata(
    service: httpx.AsyncClient, name: str, odd: Any
) -> None:
    shared = await share(service)
    body = event_body(shared.code, metadata={name: odd})
    converted = await made(service.post("/v1/events", json=body))
    assert converted["referral"]["campaign_id"] == shared.campaign_id


@pytest.mark.parametrize("name", ["order_source_id", "order_id", "event_id"])
async def test_an_id_that_no_index_holds_is_no_fault_of_ours(
    service: httpx.AsyncClient, name: str
) -> None:
    shared = await share(service)
    endless = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=20_000))
    answer = await service.post(
        "/v1/events", json=event_body(shared.code, metadata={name: endless})
    )
    assert answer.status_code in (200, 400), answer.text
