"""What path and query parameters mean, said once: most stand in many operations."""

from __future__ import annotations

from typing import Any

_PATH = {
    "action_id": "The `async_action_id` of the answer that began it.",
    "app_id": "The key's id, as `X-App-Id` carries it.",
    "assignment_id": "The assignment's id.",
    "campaign_id": "The campaign's id or its name.",
    "code": "The code itself, or its id.",
    "currency": "ISO 4217, such as `USD`.",
    "customer_id": "Our id of the customer, or the caller's own `source_id`.",
    "export_id": "The export's id.",
    "grant_id": "The grant's id.",
    "reference": "The reference that the use was made under.",
    "holder_id": "Our id of the holder, or the caller's own `source_id`.",
    "incident_id": "The incident's id.",
    "item_id": "The item's id.",
    "member_id": "The code itself, or its id.",
    "order_id": "Guerdon's own id of the order at the provider.",
    "provider": "A provider's name, such as `giftcard-partners`.",
    "reconciliation_id": "The reconciliation's id.",
    "redemption_id": "The redemption's id.",
    "referral_id": "The referral's id.",
    "reward_id": "The reward's id.",
    "rule_id": "The rule's id.",
    "segment_id": "The segment's id.",
    "tier_id": "The tier's id.",
    "token": "The secret end of the address that the provider was given.",
    "webhook_id": "The webhook's id.",
    "version": "The version's number, from 1.",
}
_QUERY = {
    "by": "What one line of the report spans.",
    "campaign": "A campaign's name or id.",
    "campaign_id": "A campaign's id.",
    "campaign_status": "Voucherify's word for how far a campaign is made; here it always is.",
    "campaign_type": "Voucherify's kinds; there are referral programmes only.",
    "city": "Exactly this city of the address.",
    "code": "The code itself, exactly.",
    "created_at[after]": "Created after this instant.",
    "created_at[before]": "Created before this instant.",
    "customer": "Our id of the customer, or the caller's own `source_id`.",
    "email": "Exactly this address.",
    "filed": "Only what was filed under this word.",
    "from": "The first instant that counts.",
    "is_referral_code": "Whether the code is one to be shared; here each is.",
    "key": "Our idempotency key at the provider.",
    "kind": "Only this kind.",
    "limit": "How many at most.",
    "name": "Exactly this name.",
    "order": "By time of creation; with the minus the latest first.",
    "order_source_id": "The shop's own id of an order.",
    "provider": "A provider's name, such as `giftcard-partners`.",
    "reason": "Why, for the record.",
    "recipient_id": "Our id of the person whose reward it is.",
    "referral_id": "A referral's id.",
    "result": "Only those that went well, or were refused.",
    "source_id": "The publication's own `source_id`.",
    "starting_after_id": "The `id` of the last one that was seen; the list goes on behind it.",
    "state": "Only orders in this state.",
    "status": "Only those in this state.",
    "to": "The first instant that does not count any more.",
    "tracking_id": "The caller's own name for it.",
    "updated_at[after]": "Changed last after this instant.",
    "updated_at[before]": "Changed last before this instant.",
    "voucher": "The code itself, or its id.",
    "voucher_type": "Voucherify's kinds of codes.",
    "vouchers_count": "How many codes to make.",
    "year": "A calendar year, UTC.",
}


def describe(parameter: dict[str, Any]) -> None:
    """Add what the parameter means, unless its operation has said so itself."""
    known = _PATH if parameter["in"] == "path" else _QUERY
    if "description" not in parameter and parameter["name"] in known:
        parameter["description"] = known[parameter["name"]]
