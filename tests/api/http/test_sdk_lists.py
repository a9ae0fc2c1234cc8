"""Every list of the official SDK with each of its parameters: it changes the answer, or it is
refused by its name. None is ignored."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx
import pytest
import voucherify

from domain.ids import Prefix, new_id
from tests.api.api_bodies import (
    REDEMPTION,
    event_body,
    made,
    person,
    redemption_body,
    refused,
    share,
)

_APIS = (
    voucherify.CustomersApi,
    voucherify.CampaignsApi,
    voucherify.VouchersApi,
    voucherify.PublicationsApi,
    voucherify.RedemptionsApi,
    voucherify.ReferralsApi,
    voucherify.RewardsApi,
    voucherify.AsyncActionsApi,
    voucherify.ExportsApi,
    voucherify.ValidationRulesApi,
    voucherify.SegmentsApi,
    voucherify.MetadataSchemasApi,
)
_HOLDERS = ("referrals_code_holders", "referrals_code_holders1")
_OWN = ("_request_auth", "_content_type", "_headers", "_host_index")
NOT_THERE = {"list_campaign_transactions", "list_voucher_transactions", "list_reward_assignments"}
"""docs/from-voucherify.md, "Not there"."""

OLDEST, LONG_AGO, EVER = "created_at", "2001-01-01T00:00:00.000000+0000", "2999-01-01T00:00:00Z"
PAGED = {"limit": 1, "page": 2}
# What narrows or turns round a list, with a value that has to show. All others are refused.
TAKEN: dict[str, dict[str, Any]] = {
    "list_customers": PAGED
    | {
        "order": OLDEST,
        "email": "jane@x.com",
        "name": "Jane",
        "city": "Ulm",
        "segment_id": "{segment}",
        "starting_after": "{middle}",
        "created_at_before": "{middle}",
        "created_at_after": "{middle}",
        "updated_at_before": LONG_AGO,
        "updated_at_after": LONG_AGO,
    },
    "list_customer_activity": {
        "limit": 1,
        "order": OLDEST,
        "starting_after_id": "{activity}",
        "start_date": EVER,
        "end_date": LONG_AGO,
        "campaign_id": "{campaign}",
        "type": "customer.created",
        "campaign_type": None,
    },
    "list_customer_redeemables": {"limit": 1, "starting_after_id": "{holding}"},
    "list_customer_segments": {},
    "list_campaigns": PAGED
    | {
        "order": OLDEST,
        "campaign_type": "LOYALTY_PROGRAM",
        "campaign_status": "FAILED",
        "is_referral_code": "false",
    },
    "list_vouchers": PAGED
    | {
        "order": OLDEST,
        "campaign_id": "{campaign}",
        "campaign": "{campaign_name}",
        "customer": "{referrer}",
        "code": "{code}",
    },
    "list_publications": PAGED
    | {
        "order": OLDEST,
        "campaign": "{campaign}",
        "customer": "{referrer}",
        "voucher": "{code}",
        "source_id": "pub-1",
        "result": "FAILURE",
        "voucher_type": None,
        "is_referral_code": "false",
    },
    "list_redemptions": PAGED
    | {"order": OLDEST, "result": "FAILURE", "campaign": "{campaign}", "customer": "{friend}"},
    "list_rewards": PAGED,
    "list_async_actions": {"limit": 1, "end_date": LONG_AGO},
    "list_exports": PAGED | {"order": OLDEST},
    "list_validation_rules": PAGED | {"order": OLDEST},
    "list_validation_rule_assignments": PAGED | {"order": OLDEST},
    "list_validation_rules_assignments": PAGED
    | {"order": OLDEST, "related_object_id": "{campaign}", "rule": "{other_rule}"},
    "list_metadata_schemas": {},
    "referrals_code_holders": {"limit": 1, "order": OLDEST, "starting_after_id": "{holder}"},
    "referrals_code_holders1": {"limit": 1, "order": OLDEST, "starting_after_id": "{holder}"},
}
"""None: one value alone is taken, which every row has; another one is refused."""

PATHS = {
    "customer_id": "{referrer}",
    "campaign_id": "{campaign}",
    "member_id": "{code}",
    "validation_rule_id": "{rule}",
    "code": "{code}",
    "reward_id": "{rule}",
}


class Text(str):
    """A value that is also an enumeration's member, as the SDK wants it."""

    @property
    def value(self) -> str:
        return str(self)


class Listing(NamedTuple):
    """A list method of the SDK: how it makes a request, and its parameters."""

    name: str
    serialize: Callable[..., Any]
    parameters: list[str]

    def url(self, scene: dict[str, str], **given: Any) -> str:
        """Where the SDK would send it."""
        arguments = dict.fromkeys((*self.parameters, *_OWN)) | given
        for name in self.paths():
            arguments[name] = PATHS[name].format(**scene)
        url: str = self.serialize(**{**arguments, "_host_index": 0})[1]
        return url.removeprefix("https://api.voucherify.io")

    def paths(self) -> list[str]:
        """Parameters that stand in the path."""
        source = inspect.getsource(self.serialize)
        return [name for name in self.parameters if f"] = {name}\n" in source]

    def queries(self) -> list[str]:
        """The others."""
        return [name for name in self.parameters if name not in self.paths()]


def listings() -> Iterator[Listing]:
    """Every list method in scope."""
    client = voucherify.ApiClient(voucherify.Configuration())
    for api in _APIS:
        for name in dir(api):
            method = name.removesuffix("_serialize").removeprefix("_")
            if name.endswith("_serialize") and (method.startswith("list_") or method in _HOLDERS):
                serialize = getattr(api(client), name)
                parameters = inspect.signature(serialize).parameters
                yield Listing(method, serialize, [one for one in parameters if one not in _OWN])


def told(answer: httpx.Response) -> list[Any]:
    """The ids of a list's rows, under whichever name Voucherify keeps them."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [one["id"] for one in body[body["data_ref"]]]


def _refuses(answer: httpx.Response, name: str) -> bool:
    return answer.status_code == 400 and answer.json()["errors"][0]["parameter"] == name


def _shows(answer: httpx.Response, plain: httpx.Response) -> bool:
    return answer.status_code == 200 and told(answer) != told(plain)


async def _scene(service: httpx.AsyncClient, admin: httpx.AsyncClient) -> dict[str, str]:
    first, second = await share(service, REDEMPTION), await share(service)
    jane = person(name="Jane", email="jane@x.com", address={"city": "Ulm"})
    middle = await made(service.post("/v1/customers", json=jane))
    friend = person()
    await made(service.post("/v1/redemptions", json=redemption_body(first.code, friend)))
    await made(service.post("/v1/redemptions", json=redemption_body(second.code)))
    answer = await service.post("/v1/redemptions", json=redemption_body(first.code, first.referrer))
    refused(answer, 400, "referrer_not_permitted_to_redeem")
    await made(service.post("/v1/events", json=event_body(second.code, first.referrer)))
    publication = {"customer": first.referrer, "source_id": "pub-1"}
    for campaign in (first, second):
        body = publication | {"campaign": {"name": campaign.campaign}}
        await made(service.post("/v1/publications", json=body))
        publication = {"customer": first.referrer}
    segment = {"name": "s", "type": "static", "customers": [middle["id"]]}
    made_segment = await made(service.post("/v1/segments", json=segment))
    rules = []
    for _ in range(2):
        await made(service.post("/v1/exports", json={"exported_object": "customer"}))
        body = [{"source_id": "bulk"}]
        await made(service.post("/v1/customers/bulk/async", json=body), 202)
        reward = {"name": "r", "reward": {"kind": "loyalty_points", "points": 5}}
        await made(service.post("/v1/rewards", json=reward))
        rule = {
            "name": "r",
            "rules": {"1": {"name": "order.amount", "conditions": {"$more_than": [1]}}},
        }
        rules.append((await made(service.post("/v1/validation-rules", json=rule)))["id"])
    for campaign in (first, second):
        assigned = {"related_object_type": "campaign", "related_object_id": campaign.campaign_id}
        path = f"/v1/validation-rules/{rules[0]}/assignments"
        await made(service.post(path, json=assigned))
    holders = f"/v1/referrals/{first.campaign_id}/members/{first.code}/holders"
    referrer = first.referrer["source_id"]
    return {
        "campaign": first.campaign_id,
        "campaign_name": first.campaign,
        "code": first.code,
        "referrer": referrer,
        "friend": friend["source_id"],
        "middle": middle["created_at"],
        "segment": made_segment["id"],
        "rule": rules[0],
        "other_rule": rules[1],
        "activity": told(await service.get(f"/v1/customers/{referrer}/activity"))[0],
        "holding": told(await service.get(f"/v1/customers/{referrer}/redeemables"))[0],
        "holder": told(await service.get(holders))[0],
    }


async def test_no_parameter_is_ignored(
    service: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    scene = await _scene(service, admin)
    seen, ignored = set(), []
    for listing in listings():
        seen.add(listing.name)
        plain = await service.get(listing.url(scene))
        if listing.name in NOT_THERE:
            refused(plain, 404, "resource_not_found")
            continue
        taken = TAKEN[listing.name]
        for name in listing.queries():
            value = taken.get(name) or "nothing-of-ours"
            given = Text(value.format(**scene)) if isinstance(value, str) else value
            answer = await service.get(listing.url(scene, **{name: given}))
            if not (_refuses(answer, name) if taken.get(name) is None else _shows(answer, plain)):
                ignored.append((listing.name, name, answer.status_code))
    assert ignored == []
    assert seen == {*TAKEN, *NOT_THERE}


@pytest.mark.parametrize("order", ["created_at", "-created_at"])
async def test_the_cursor_by_moment_meets_every_customer_once(
    service: httpx.AsyncClient, order: str
) -> None:
    for _ in range(7):
        await made(service.post("/v1/customers", json=person()))
    everybody = told(await service.get("/v1/customers", params={"limit": 100, "order": order}))
    met: list[str] = []
    parameters: dict[str, Any] = {"limit": 3, "order": order}
    while True:
        page = await made(service.get("/v1/customers", params=parameters))
        met += [one["id"] for one in page["data"]]
        if not page["has_more"]:
            break
        parameters["starting_after"] = page["data"][-1]["created_at"]
    assert met == everybody
    assert len(set(met)) == 7


@pytest.mark.parametrize("order", ["updated_at", "-updated_at"])
async def test_lists_are_sorted_by_last_change(service: httpx.AsyncClient, order: str) -> None:
    people = [await made(service.post("/v1/customers", json=person())) for _ in range(4)]
    await made(service.put(f"/v1/customers/{people[1]['id']}", json={"phone": "+491"}))
    expected = [people[index]["id"] for index in (0, 2, 3, 1)]
    if order.startswith("-"):
        expected.reverse()
    met: list[str] = []
    parameters: dict[str, Any] = {"limit": 3, "order": order}
    for _ in range(2):
        met += told(await service.get("/v1/customers", params=parameters))
        parameters["starting_after_id"] = met[-1]
    assert met == expected
    answer = await service.get(
        "/v1/customers", params={"order": order, "starting_after": people[0]["created_at"]}
    )
    refused(answer, 400, "invalid_payload")


async def test_refusals_say_what_there_is(service: httpx.AsyncClient) -> None:
    answer = await service.get("/v1/exports?filters[junction]=and&status=DONE&limit=1")
    refused(answer, 400, "invalid_payload")
    errors = {one["parameter"]: one["detail"] for one in answer.json()["errors"]}
    assert set(errors) == {"filters[junction]", "status"}
    assert "limit, order, page, starting_after_id" in errors["status"]
    answer = await service.get("/v1/customers?dry_run=true")
    assert answer.json()["errors"][0]["parameter"] == "dry_run"
    answer = await service.get(f"/v1/customers?segment_id={new_id(Prefix.SEGMENT)}")
    refused(answer, 404, "resource_not_found")
    filter = {"metadata.country": {"conditions": {"$is": ["US"]}}}
    body = {"name": "auto", "type": "auto-update", "filter": filter}
    segment = await made(service.post("/v1/segments", json=body))
    answer = await service.get(f"/v1/customers?segment_id={segment['id']}")
    refused(answer, 400, "invalid_payload")
    for name in ("created_at", "updated_at"):
        for path in ("customers", "vouchers"):
            plain = await service.get(f"/v1/{path}?{name}[before]=yesterday")
            assert plain.json()["errors"][0]["parameter"] == f"{name}[before]"
    shared = await share(service)
    await made(service.post("/v1/redemptions", json=redemption_body(shared.code)))
    for path in ("redemptions", "vouchers", "customers"):
        page = await service.get(f"/v1/{path}?created_at[after]=2001-01-01")
        assert told(page), path
        page = await service.get(f"/v1/{path}?created_at[before]=2001-01-01")
        assert not told(page), path
