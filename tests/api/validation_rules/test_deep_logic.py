"""The sentence between conditions, nested as deep as nobody writes it."""

from __future__ import annotations

import httpx

from tests.api.api_bodies import refused


async def test_four_hundred_brackets_are_refused_where_they_stand(
    unchanged: httpx.AsyncClient,
) -> None:
    rule = {"name": "order.amount", "conditions": {"$more_than": [1]}}
    body = {"name": "deep", "rules": {"1": rule, "logic": "(" * 400 + "1" + ")" * 400}}
    answer = await unchanged.post("/v1/validation-rules", json=body)
    refused(answer, 400, "invalid_payload")
    assert "at most 32 brackets" in answer.json()["detail"]
