"""Rules, assignments and segments as Voucherify's own SDK sends and reads them."""

from __future__ import annotations

import json
from typing import Any

import httpx
from voucherify import models as sdk

from tests.api.api_bodies import campaign_body, made

RULES: dict[str, Any] = {
    "1": {
        "name": "campaign.redemptions.customers_count",
        "property": None,
        "conditions": {"$less_than_or_equal": [1]},
        "rules": {},
        "error": {"message": "Only one redemption per customer in campaign"},
    },
    "logic": "1",
}
"""The rule that Voucherify recommends for referral campaigns."""


def _sent(model: Any) -> Any:
    return json.loads(model.model_dump_json(by_alias=True))


async def test_a_rule_is_created_assigned_listed_and_taken_away(
    service: httpx.AsyncClient,
) -> None:
    body = sdk.ValidationRulesCreateRequestBody(name="Referral Campaign", rules=RULES)
    answer = await made(service.post("/v1/validation-rules", json=_sent(body)))
    rule = sdk.ValidationRulesCreateResponseBody.from_dict(answer)
    assert rule
    assert (rule.type, rule.context_type) == ("expression", "global")
    assert rule.rules["1"]["conditions"] == {"$less_than_or_equal": [1]}
    assert rule.applicable_to.included_all

    campaign = await made(service.post("/v1/campaigns", json=campaign_body()))
    assign = sdk.ValidationRulesAssignmentsCreateRequestBody(
        related_object_type="campaign", related_object_id=campaign["id"]
    )
    path = f"/v1/validation-rules/{rule.id}/assignments"
    made_of = await made(service.post(path, json=_sent(assign)))
    assignment = sdk.ValidationRulesAssignmentsCreateResponseBody.from_dict(made_of)
    assert assignment
    assert (assignment.rule_id, assignment.related_object_id) == (rule.id, campaign["id"])
    for listed in (path, "/v1/validation-rules-assignments"):
        page = sdk.ValidationRulesAssignmentsListResponseBody.from_dict(
            await made(service.get(listed))
        )
        assert page
        assert [one.id for one in page.data] == [assignment.id]
    rules = sdk.ValidationRulesListResponseBody.from_dict(
        await made(service.get("/v1/validation-rules"))
    )
    assert rules
    assert [one.assignments_count for one in rules.data] == [1]
    assert (await service.delete(f"{path}/{assignment.id}")).status_code == 204


async def test_a_segment_and_a_campaign_with_hours(service: httpx.AsyncClient) -> None:
    filter = {"junction": "and", "metadata.country": {"conditions": {"$is": "US"}}}
    body = sdk.SegmentsCreateRequestBody(name="US", type="auto-update", filter=filter)
    answer = await made(service.post("/v1/segments", json=_sent(body)))
    segment = sdk.SegmentsCreateResponseBody.from_dict(answer)
    assert segment
    assert segment.filter["metadata.country"]["conditions"] == {"$is": ["US"]}

    hours = sdk.ValidityHours(
        daily=[
            sdk.ValidityHoursDailyItem(
                start_time="09:00", expiration_time="17:00", days_of_week=[1, 2]
            )
        ]
    )
    created = campaign_body(validity_hours=_sent(hours))
    campaign = sdk.CampaignsGetResponseBody.from_dict(
        await made(service.post("/v1/campaigns", json=created))
    )
    assert campaign
    assert campaign.validity_hours == hours
