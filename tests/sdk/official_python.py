"""A script that uses only the official `voucherify` package, as an application would, and no code
of Guerdon: `python official_python.py URL APP_ID APP_TOKEN`.

For every method of the SDK that belongs to a referral programme it writes, reads back, and asks
for one documented refusal. It prints one JSON line a method, and fails at the first surprise."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import voucherify
from voucherify import models
from voucherify.exceptions import ApiException

URL, APP_ID, APP_TOKEN = sys.argv[1:4]
_configuration = voucherify.Configuration(host=URL)
_configuration.api_key = {"X-App-Id": APP_ID, "X-App-Token": APP_TOKEN}
client = voucherify.ApiClient(_configuration)

customers = voucherify.CustomersApi(client)
campaigns = voucherify.CampaignsApi(client)
vouchers = voucherify.VouchersApi(client)
publications = voucherify.PublicationsApi(client)
validations = voucherify.ValidationsApi(client)
redemptions = voucherify.RedemptionsApi(client)
events = voucherify.EventsApi(client)
referrals = voucherify.ReferralsApi(client)
rewards = voucherify.RewardsApi(client)
actions = voucherify.AsyncActionsApi(client)
exports = voucherify.ExportsApi(client)
rules = voucherify.ValidationRulesApi(client)
segments = voucherify.SegmentsApi(client)
schemas = voucherify.MetadataSchemasApi(client)

_RUN = f"{time.time_ns():x}"


def name(what: str) -> str:
    """A name that no other run has used."""
    return f"{what}-{_RUN}"


def refusal(call: Callable[[], Any], status: int, key: str) -> str:
    """The documented refusal that the call must get."""
    try:
        raise AssertionError(f"not refused: {call()}")
    except ApiException as error:
        refused = error
    body = json.loads(refused.body)
    assert (refused.status, body["key"]) == (status, key), (refused.status, body)
    assert body["code"] == status
    assert body["message"]
    return f"{status} {key}"


def say(method: str, read_back: Any, refused: str) -> None:
    """One line of the table."""
    assert read_back is not None
    assert read_back != []
    line = {"method": method, "read_back": str(read_back), "refused": refused}
    sys.stdout.write(json.dumps(line) + "\n")


def customer_body(source_id: str, **given: Any) -> Any:
    return models.CustomersCreateRequestBody.from_dict({"source_id": source_id} | given)


def campaign_body(title: str, event: str | None, **given: Any) -> Any:
    """The seeds' campaign: Voucherify's own members only."""
    program: dict[str, Any] = {
        "conversion_event_type": "custom_event" if event else "redemption",
        "referee_reward": {
            "type": "GIFT_VOUCHER",
            "amount": "500",
            "related_object_parent": {"id": None, "name": None},
        },
    }
    if event:
        program["custom_event"] = {"name": event}
    body = {
        "name": title,
        "campaign_type": "REFERRAL_PROGRAM",
        "type": "AUTO_UPDATE",
        "join_once": True,
        "voucher": {
            "type": "DISCOUNT_VOUCHER",
            "discount": {"type": "PERCENT", "percent_off": 10.0},
            "code_config": {"length": 8, "prefix": "REF-"},
        },
        "referral_program": program,
    }
    return models.CampaignsCreateRequestBody.from_dict(body | given)


def finished(action_id: str) -> Any:
    """The asynchronous action, once it is done."""
    deadline = time.monotonic() + 180
    while True:
        action = actions.get_async_action(action_id)
        if action.status == "DONE":
            return action
        assert time.monotonic() < deadline, action
        time.sleep(0.2)


def the_customers() -> None:
    jane, joe = name("jane"), name("joe")
    made = customers.create_customer(customer_body(jane, name="Jane", metadata={"plan": "pro"}))
    wrong = customer_body(name("x"), email="nonsense")
    say(
        "create_customer",
        made.id,
        refusal(lambda: customers.create_customer(wrong), 400, "invalid_payload"),
    )
    read = customers.get_customer(jane)
    assert (read.name, read.metadata) == ("Jane", {"plan": "pro"})
    say(
        "get_customer",
        read.source_id,
        refusal(lambda: customers.get_customer("nobody"), 404, "resource_not_found"),
    )
    change = models.CustomersUpdateRequestBody.from_dict({"phone": "+491"})
    customers.update_customer(jane, change)
    assert customers.get_customer(jane).name == "Jane"
    say(
        "update_customer",
        customers.get_customer(jane).phone,
        refusal(lambda: customers.update_customer("nobody", change), 404, "resource_not_found"),
    )
    listed = customers.list_customers(limit=100, name="Jane")
    assert made.id in [each.id for each in listed.customers]
    say(
        "list_customers",
        listed.total,
        refusal(lambda: customers.list_customers(name="x" * 999), 400, "invalid_payload"),
    )
    row = models.CustomersUpdateInBulkRequestBody.from_dict({"source_id": joe, "name": "Joe"})
    done = finished(customers.update_customers_in_bulk([row]).async_action_id)
    assert done.result["done_count"] == 1
    say(
        "update_customers_in_bulk",
        customers.get_customer(joe).name,
        refusal(lambda: customers.update_customers_in_bulk([]), 400, "invalid_payload"),
    )
    many = models.CustomersMetadataUpdateInBulkRequestBody.from_dict(
        {"source_ids": [jane, joe], "metadata": {"wave": 2}}
    )
    finished(customers.update_customers_metadata_in_bulk(many).async_action_id)
    empty = models.CustomersMetadataUpdateInBulkRequestBody.from_dict({"source_ids": []})
    say(
        "update_customers_metadata_in_bulk",
        customers.get_customer(joe).metadata,
        refusal(lambda: customers.update_customers_metadata_in_bulk(empty), 400, "invalid_payload"),
    )
    file = f"Source_id,Name,plan\n{joe},Joseph,max\n".encode()
    done = finished(customers.import_customers_using_csv(file).async_action_id)
    assert done.type == "CUSTOMERS.IMPORT_CSV"
    assert customers.get_customer(joe).metadata == {"plan": "max"}
    say(
        "import_customers_using_csv",
        customers.get_customer(joe).name,
        refusal(
            lambda: customers.import_customers_using_csv(b"Name\nJoe\n"),
            400,
            "invalid_payload",
        ),
    )
    say(
        "get_async_action",
        done.result,
        refusal(lambda: actions.get_async_action("none"), 404, "resource_not_found"),
    )
    say(
        "list_async_actions",
        len(actions.list_async_actions(limit=5).async_actions),
        refusal(lambda: _raw("GET", "/v1/async-actions?limit=0"), 400, "invalid_payload"),
    )
    story = customers.list_customer_activity(jane)
    assert "customer.created" in [each.type for each in story.data]
    say(
        "list_customer_activity",
        [each.type for each in story.data],
        refusal(lambda: customers.list_customer_activity("nobody"), 404, "resource_not_found"),
    )
    gone = customers.customer_permanently_deletion(joe)
    assert gone.status == "DONE"
    say(
        "customer_permanently_deletion",
        gone.id,
        refusal(lambda: customers.customer_permanently_deletion(joe), 404, "resource_not_found"),
    )
    customers.delete_customer(jane)
    say(
        "delete_customer",
        refusal(lambda: customers.get_customer(jane), 404, "resource_not_found"),
        refusal(lambda: customers.delete_customer(jane), 404, "resource_not_found"),
    )


def _raw(method: str, path: str, body: Any = None) -> Any:
    """A call that the SDK itself has no method for, or would not let through."""
    parameters = client.param_serialize(
        method,
        path,
        header_params={"Content-Type": "application/json"} if body else {},
        body=body,
        auth_settings=["X-App-Id", "X-App-Token"],
    )
    answer = client.call_api(*parameters)
    answer.read()
    return client.response_deserialize(answer, {"400": "object"})


def the_segments() -> None:
    member = customers.create_customer(customer_body(name("member")))
    body = {"name": name("team"), "type": "static", "customers": [member.id]}
    made = segments.create_segment(models.SegmentsCreateRequestBody.from_dict(body))
    wrong = models.SegmentsCreateRequestBody.from_dict(
        {"name": "x", "type": "auto-update", "filter": {"moon": {"conditions": {"$is": ["x"]}}}}
    )
    say(
        "create_segment",
        made.id,
        refusal(lambda: segments.create_segment(wrong), 400, "invalid_payload"),
    )
    say(
        "get_segment",
        segments.get_segment(made.id).name,
        refusal(lambda: segments.get_segment("none"), 404, "resource_not_found"),
    )
    theirs = customers.list_customer_segments(member.source_id)
    assert [each.id for each in theirs.data] == [made.id]
    say(
        "list_customer_segments",
        theirs.total,
        refusal(lambda: customers.list_customer_segments("nobody"), 404, "resource_not_found"),
    )
    segments.delete_segment(made.id)
    say(
        "delete_segment",
        refusal(lambda: segments.get_segment(made.id), 404, "resource_not_found"),
        refusal(lambda: segments.delete_segment(made.id), 404, "resource_not_found"),
    )


def the_campaigns() -> None:
    title = name("campaign")
    made = campaigns.create_campaign(campaign_body(title, "bought"))
    assert made.creation_status == "DONE"
    say(
        "create_campaign",
        made.id,
        refusal(
            lambda: campaigns.create_campaign(campaign_body(title, "bought")),
            409,
            "duplicate_found",
        ),
    )
    say(
        "get_campaign",
        campaigns.get_campaign(made.id).name,
        refusal(lambda: campaigns.get_campaign("none"), 404, "resource_not_found"),
    )
    listed = campaigns.list_campaigns(limit=100, campaign_type="REFERRAL_PROGRAM")
    assert made.id in [each.id for each in listed.campaigns]
    say(
        "list_campaigns",
        listed.total,
        refusal(lambda: _raw("GET", "/v1/campaigns?limit=1000"), 400, "invalid_payload"),
    )
    change = models.CampaignsUpdateRequestBody.from_dict({"description": "spring"})
    campaigns.update_campaign(made.id, change)
    say(
        "update_campaign",
        campaigns.get_campaign(made.id).description,
        refusal(lambda: campaigns.update_campaign("none", change), 404, "resource_not_found"),
    )
    campaigns.disable_campaign(made.id)
    say(
        "disable_campaign",
        campaigns.get_campaign(made.id).active is False,
        refusal(lambda: campaigns.disable_campaign("none"), 404, "resource_not_found"),
    )
    campaigns.enable_campaign(made.id)
    say(
        "enable_campaign",
        campaigns.get_campaign(made.id).active,
        refusal(lambda: campaigns.enable_campaign("none"), 404, "resource_not_found"),
    )
    summary = campaigns.get_campaign_summary(made.id)
    assert summary.object == "campaign_summary"
    say(
        "get_campaign_summary",
        summary.referred_customers,
        refusal(lambda: campaigns.get_campaign_summary("none"), 404, "resource_not_found"),
    )
    _the_codes(made.id)
    spare = campaigns.create_campaign(campaign_body(name("spare"), "bought"))
    campaigns.delete_campaign(spare.id)
    say(
        "delete_campaign",
        refusal(lambda: campaigns.get_campaign(spare.id), 404, "resource_not_found"),
        refusal(lambda: campaigns.delete_campaign(spare.id), 404, "resource_not_found"),
    )


def _the_codes(campaign_id: str) -> None:
    added = campaigns.add_vouchers_to_campaign(campaign_id, vouchers_count=1)
    say(
        "add_vouchers_to_campaign",
        added.code,
        refusal(
            lambda: campaigns.add_vouchers_to_campaign("none", vouchers_count=1),
            404,
            "resource_not_found",
        ),
    )
    own = name("OWN").upper()
    campaigns.add_voucher_with_specific_code_to_campaign(campaign_id, own)
    say(
        "add_voucher_with_specific_code_to_campaign",
        vouchers.get_voucher(own).code,
        refusal(
            lambda: campaigns.add_voucher_with_specific_code_to_campaign(campaign_id, own),
            409,
            "duplicate_found",
        ),
    )
    say(
        "get_voucher",
        vouchers.get_voucher(own).campaign_id,
        refusal(lambda: vouchers.get_voucher("none"), 404, "resource_not_found"),
    )
    listed = vouchers.list_vouchers(limit=100, campaign_id=campaign_id)
    assert own in [each.code for each in listed.vouchers]
    say(
        "list_vouchers",
        listed.total,
        refusal(lambda: _raw("GET", "/v1/vouchers?limit=0"), 400, "invalid_payload"),
    )
    vouchers.disable_voucher(own)
    say(
        "disable_voucher",
        vouchers.get_voucher(own).active is False,
        refusal(lambda: vouchers.disable_voucher("none"), 404, "resource_not_found"),
    )
    vouchers.enable_voucher(own)
    say(
        "enable_voucher",
        vouchers.get_voucher(own).active,
        refusal(lambda: vouchers.enable_voucher("none"), 404, "resource_not_found"),
    )
    item = models.CampaignsImportVoucherItem.from_dict({"code": name("LIST"), "active": True})
    finished(campaigns.import_vouchers_to_campaign(campaign_id, [item]).async_action_id)
    say(
        "import_vouchers_to_campaign",
        vouchers.get_voucher(name("LIST")).code,
        refusal(
            lambda: campaigns.import_vouchers_to_campaign("none", [item]),
            404,
            "resource_not_found",
        ),
    )
    file = f"Code,Active\n{name('FILE')},true\n".encode()
    sent = campaigns.import_vouchers_to_campaign_using_csv(campaign_id, file)
    finished(sent.async_action_id)
    say(
        "import_vouchers_to_campaign_using_csv",
        vouchers.get_voucher(name("FILE")).code,
        refusal(
            lambda: campaigns.import_vouchers_to_campaign_using_csv(campaign_id, b"Kode\nx\n"),
            400,
            "invalid_payload",
        ),
    )


def publish(title: str, referrer: str) -> str:
    """The code that a new referrer is given."""
    body = {"campaign": {"name": title, "count": 1}, "customer": {"source_id": referrer}}
    answer = publications.create_publication(
        join_once=True,
        publications_create_request_body=models.PublicationsCreateRequestBody.from_dict(body),
    )
    return str(answer.voucher.code)


def redeem(code: str, friend: str, amount: int = 4000, order: str | None = None) -> Any:
    """The friend uses the code at checkout."""
    body = {
        "redeemables": [{"object": "voucher", "id": code}],
        "customer": {"source_id": friend},
        "order": {"amount": amount, "source_id": order or name(f"order-{friend}")},
    }
    return redemptions.redeem_stacked_discounts(models.RedemptionsRedeemRequestBody.from_dict(body))


def the_checkout() -> None:
    title, referrer = name("checkout"), name("referrer")
    campaigns.create_campaign(campaign_body(title, None))
    code = publish(title, referrer)
    missing = models.PublicationsCreateRequestBody.from_dict(
        {"campaign": {"name": "none", "count": 1}, "customer": {"source_id": referrer}}
    )
    assert publish(title, referrer) == code  # join once
    say(
        "create_publication",
        code,
        refusal(
            lambda: publications.create_publication(publications_create_request_body=missing),
            404,
            "resource_not_found",
        ),
    )
    listed = publications.list_publications(campaign=title)
    assert listed.publications[0].voucher.code == code
    say(
        "list_publications",
        listed.total,
        refusal(lambda: _raw("GET", "/v1/publications?limit=0"), 400, "invalid_payload"),
    )
    _the_validation(code)
    redeemed = redeem(code, name("friend"))
    (one,) = redeemed.redemptions
    assert redeemed.order.total_discount_amount == 400
    say(
        "redeem_stacked_discounts",
        one.id,
        refusal(lambda: redeem(code, referrer), 400, "referrer_not_permitted_to_redeem"),
    )
    say(
        "get_redemption",
        redemptions.get_redemption(one.id).id,
        refusal(lambda: redemptions.get_redemption("r_none"), 404, "resource_not_found"),
    )
    listed = redemptions.list_redemptions(limit=100, campaign=title)
    assert one.id in [each.id for each in listed.redemptions]
    assert "FAILURE" in [each.result for each in listed.redemptions]
    say(
        "list_redemptions",
        listed.total,
        refusal(lambda: _raw("GET", "/v1/redemptions?limit=0"), 400, "invalid_payload"),
    )
    used = redemptions.get_voucher_redemptions(code)
    say(
        "get_voucher_redemptions",
        used.redeemed_quantity,
        refusal(lambda: redemptions.get_voucher_redemptions("none"), 404, "resource_not_found"),
    )
    back = redemptions.rollback_redemption(one.id, reason="refund")
    assert back.redemption == one.id
    say(
        "rollback_redemption",
        redemptions.get_redemption(one.id).status,
        refusal(lambda: redemptions.rollback_redemption(one.id), 400, "already_rolled_back"),
    )
    second = redeem(code, name("friend-2"))
    parent = second.redemptions[0].id
    stacked = redemptions.rollback_stacked_redemptions(parent)
    say(
        "rollback_stacked_redemptions",
        [each.id for each in stacked.rollbacks],
        refusal(
            lambda: redemptions.rollback_stacked_redemptions(parent), 400, "already_rolled_back"
        ),
    )


def _the_validation(code: str) -> None:
    body = {
        "redeemables": [{"object": "voucher", "id": code}],
        "customer": {"source_id": name("curious")},
        "order": {"amount": 4000},
    }
    valid = validations.validate_stacked_discounts(
        models.ValidationsValidateRequestBody.from_dict(body)
    )
    assert valid.valid
    assert valid.order.total_discount_amount == 400
    body["redeemables"] = [{"object": "voucher", "id": "none"}]
    unknown = validations.validate_stacked_discounts(
        models.ValidationsValidateRequestBody.from_dict(body)
    )
    assert unknown.valid is False
    reason = unknown.inapplicable_redeemables[0].result.error.key
    assert reason == "resource_not_found"
    say("validate_stacked_discounts", valid.order.total_discount_amount, f"inapplicable: {reason}")


def event(code: str, friend: str, event: str = "bought") -> Any:
    """The friend did what the campaign waits for."""
    body = {"event": event, "customer": {"source_id": friend}, "referral": {"code": code}}
    return events.track_custom_event(models.EventsCreateRequestBody.from_dict(body))


def the_events() -> None:
    title, referrer = name("events"), name("advocate")
    campaign = campaigns.create_campaign(campaign_body(title, "bought"))
    code = publish(title, referrer)
    answer = event(code, name("newcomer"))
    assert answer.type == "bought"
    assert answer.referral is not None
    say(
        "track_custom_event",
        campaigns.get_campaign_summary(campaign.id).referred_customers,
        refusal(lambda: event(code, referrer), 400, "referrer_not_permitted_to_redeem"),
    )
    held = customers.list_customer_redeemables(referrer)
    assert held.data[0].redeemable.voucher.code == code
    say(
        "list_customer_redeemables",
        held.total,
        refusal(lambda: customers.list_customer_redeemables("nobody"), 404, "resource_not_found"),
    )
    _the_holders(campaign.id, code)


def _the_holders(campaign_id: str, code: str) -> None:
    friend = name("held")
    body = models.ReferralsMembersHoldersCreateInBulkRequestBody.from_dict(
        {"holders": [{"source_id": friend}]}
    )
    referrals.referrals_add_holders(code, body)
    listed = referrals.referrals_code_holders(campaign_id, code)
    friend_id = customers.get_customer(friend).id
    (holder,) = [each for each in listed.data if each.customer_id == friend_id]
    say(
        "referrals_add_holders",
        holder.holder_role,
        refusal(lambda: referrals.referrals_add_holders("none", body), 404, "resource_not_found"),
    )
    say(
        "referrals_code_holders",
        len(listed.data),
        refusal(
            lambda: referrals.referrals_code_holders(campaign_id, "none"),
            404,
            "resource_not_found",
        ),
    )
    referrals.referrals_remove_holder(code, holder.id)
    left = referrals.referrals_code_holders(campaign_id, code)
    say(
        "referrals_remove_holder",
        [each.holder_role for each in left.data],
        refusal(
            lambda: referrals.referrals_remove_holder(code, holder.id), 404, "resource_not_found"
        ),
    )


def the_rules() -> None:
    body = {
        "name": name("at least 10"),
        "type": "expression",
        "context_type": "campaign.referral_program",
        "rules": {
            "1": {
                "name": "order.amount",
                "conditions": {"$more_than_or_equal": [1000]},
            },
            "logic": "1",
        },
        "error": {"message": "Spend 10 at least."},
    }
    made = rules.create_validation_rules(models.ValidationRulesCreateRequestBody.from_dict(body))
    odd = {"name": "odd", "rules": {"1": {"name": "moon.phase", "conditions": {"$is": [1]}}}}
    wrong = models.ValidationRulesCreateRequestBody.from_dict(odd)
    say(
        "create_validation_rules",
        made.id,
        refusal(lambda: rules.create_validation_rules(wrong), 400, "invalid_payload"),
    )
    say(
        "get_validation_rule",
        rules.get_validation_rule(made.id).name,
        refusal(lambda: rules.get_validation_rule("none"), 404, "resource_not_found"),
    )
    say(
        "list_validation_rules",
        rules.list_validation_rules(limit=10).total,
        refusal(lambda: _raw("GET", "/v1/validation-rules?limit=0"), 400, "invalid_payload"),
    )
    change = models.ValidationRulesUpdateRequestBody.from_dict({"name": name("renamed")})
    rules.update_validation_rule(made.id, change)
    say(
        "update_validation_rule",
        rules.get_validation_rule(made.id).name,
        refusal(lambda: rules.update_validation_rule("none", change), 404, "resource_not_found"),
    )
    title = name("ruled")
    campaign = campaigns.create_campaign(campaign_body(title, None))
    _the_assignments(made.id, campaign.id, publish(title, name("ruler")))


def _the_assignments(rule_id: str, campaign_id: str, code: str) -> None:
    def body(id: str) -> Any:
        return models.ValidationRulesAssignmentsCreateRequestBody.from_dict(
            {"related_object_type": "campaign", "related_object_id": id}
        )

    made = rules.create_validation_rule_assignment(
        rule_id, validation_rules_assignments_create_request_body=body(campaign_id)
    )
    refused = refusal(lambda: redeem(code, name("poor"), 500), 400, "order_rules_violated")
    say("create_validation_rule_assignment", made.id, refused)
    listed = rules.list_validation_rule_assignments(rule_id)
    assert made.id in [each.id for each in listed.data]
    say(
        "list_validation_rule_assignments",
        listed.total,
        refusal(lambda: rules.list_validation_rule_assignments("none"), 404, "resource_not_found"),
    )
    say(
        "list_validation_rules_assignments",
        rules.list_validation_rules_assignments(limit=10).total,
        refusal(
            lambda: _raw("GET", "/v1/validation-rules-assignments?limit=0"),
            400,
            "invalid_payload",
        ),
    )
    rules.delete_validation_rule_assignment(rule_id, made.id)
    assert redeem(code, name("poor"), 500, name("second try")).redemptions
    say(
        "delete_validation_rule_assignment",
        "the same redemption passes",
        refusal(
            lambda: rules.delete_validation_rule_assignment(rule_id, made.id),
            404,
            "resource_not_found",
        ),
    )
    rules.delete_validation_rules(rule_id)
    say(
        "delete_validation_rules",
        refusal(lambda: rules.get_validation_rule(rule_id), 404, "resource_not_found"),
        refusal(lambda: rules.delete_validation_rules(rule_id), 404, "resource_not_found"),
    )


def the_schemas() -> None:
    # Voucherify has its schemas defined on the dashboard, or over its management API.
    _raw("PUT", "/v1/metadata-schemas/customer", {"properties": {"plan": {"type": "string"}}})
    read = schemas.get_metadata_schema("customer")
    assert read.properties["plan"]["type"] == "string"
    wrong = customer_body(name("misfit"), metadata={"plan": 1})
    refused = refusal(lambda: customers.create_customer(wrong), 400, "invalid_payload")
    say("get_metadata_schema", list(read.properties), refused)
    say(
        "list_metadata_schemas",
        schemas.list_metadata_schemas().total,
        refusal(lambda: schemas.get_metadata_schema("voucher"), 404, "resource_not_found"),
    )


def the_rewards() -> None:
    body = {
        "name": name("five dollars"),
        "parameters": {"campaign": {"id": "gift_credits", "balance": 500}},
    }
    made = rewards.create_reward(models.RewardsCreateRequestBody.from_dict(body))
    wrong = models.RewardsCreateRequestBody.from_dict({"name": "x", "parameters": {"product": {}}})
    say(
        "create_reward",
        made.id,
        refusal(lambda: rewards.create_reward(wrong), 400, "invalid_payload"),
    )
    say(
        "get_reward",
        rewards.get_reward(made.id).name,
        refusal(lambda: rewards.get_reward("none"), 404, "resource_not_found"),
    )
    say(
        "list_rewards",
        rewards.list_rewards(limit=10).total,
        refusal(lambda: _raw("GET", "/v1/rewards?limit=0"), 400, "invalid_payload"),
    )
    change = models.RewardsUpdateRequestBody.from_dict({"name": name("five")})
    rewards.update_reward(made.id, change)
    say(
        "update_reward",
        rewards.get_reward(made.id).name,
        refusal(lambda: rewards.update_reward("none", change), 404, "resource_not_found"),
    )
    rewards.delete_reward(made.id)
    say(
        "delete_reward",
        refusal(lambda: rewards.get_reward(made.id), 404, "resource_not_found"),
        refusal(lambda: rewards.delete_reward(made.id), 404, "resource_not_found"),
    )


def the_exports() -> None:
    body = {"exported_object": "customer", "parameters": {"fields": ["source_id"]}}
    made = exports.create_export(models.ExportsCreateRequestBody.from_dict(body))
    odd = models.ExportsCreateRequestBody.from_dict({"exported_object": "sku"})
    say(
        "create_export",
        made.id,
        refusal(lambda: exports.create_export(odd), 400, "invalid_payload"),
    )
    done = exports.get_export(made.id)
    assert done.status == "DONE"
    say(
        "get_export",
        done.result.url.rpartition("/")[2].partition("?")[0] == made.id,
        refusal(lambda: exports.get_export("none"), 404, "resource_not_found"),
    )
    token = done.result.url.partition("token=")[2]
    file = exports.download_export(made.id, token=token)
    assert file.startswith("source_id")
    say(
        "download_export",
        f"{len(file.splitlines())} lines",
        refusal(lambda: exports.download_export(made.id, token="x"), 404, "resource_not_found"),
    )
    say(
        "list_exports",
        exports.list_exports(limit=10).total,
        refusal(lambda: _raw("GET", "/v1/exports?limit=0"), 400, "invalid_payload"),
    )
    exports.delete_export(made.id)
    say(
        "delete_export",
        refusal(lambda: exports.get_export(made.id), 404, "resource_not_found"),
        refusal(lambda: exports.delete_export(made.id), 404, "resource_not_found"),
    )


if __name__ == "__main__":
    for part in (
        the_customers,
        the_segments,
        the_campaigns,
        the_checkout,
        the_events,
        the_rules,
        the_schemas,
        the_rewards,
        the_exports,
    ):
        part()
