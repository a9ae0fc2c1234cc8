"""What Guerdon answers about codes and their use, read by the strict models of Voucherify's own
SDK; and bodies as that SDK sends them, with null for every member that is not set."""

from __future__ import annotations

import json
from typing import Any

import httpx
from voucherify import models as sdk

from tests.api.api_bodies import REDEMPTION, made, share


def _sent(model: Any) -> Any:
    """As the SDK's client sends it: every member, set or not."""
    return json.loads(model.model_dump_json(by_alias=True))


def _read(model: Any, answer: Any) -> Any:
    """As the SDK reads it: a type that is not its own is an error."""
    found = model.from_dict(answer)
    assert found is not None
    return found


def _redemption(code: str, friend: str, **changes: Any) -> Any:
    given = {
        "redeemables": [sdk.RedemptionsRedeemRequestBodyRedeemablesItem(object="voucher", id=code)],
        "customer": sdk.Customer(source_id=friend),
        "order": sdk.Order(
            source_id=f"order-{friend}",
            amount=4000,
            items=[sdk.OrderItem(product_id="mug", quantity=4, price=1000, amount=4000)],
        ),
    }
    return _sent(sdk.RedemptionsRedeemRequestBody(**given | changes))


async def test_validate_redeem_and_roll_back(service: httpx.AsyncClient) -> None:
    shared = await share(service, REDEMPTION)
    body = _redemption(shared.code, "friend")
    valid = _read(
        sdk.ValidationsValidateResponseBody,
        await made(service.post("/v1/validations", json=body)),
    )
    assert valid.valid
    assert valid.redeemables[0].result.discount.percent_off == 10
    assert valid.order.total_discount_amount == 400
    redeemed = _read(
        sdk.RedemptionsRedeemResponseBody,
        await made(service.post("/v1/redemptions", json=body)),
    )
    (redemption,) = redeemed.redemptions
    assert (redemption.result, redemption.order.total_amount) == ("SUCCESS", 3600)
    assert redemption.voucher.code == shared.code
    assert redeemed.order.items[0].quantity == 4

    undo = _sent(sdk.RedemptionsRollbackCreateRequestBody(reason="Returned"))
    path = f"/v1/redemptions/{redemption.id}"
    rollback = _read(
        sdk.RedemptionsRollbackCreateResponseBody,
        await made(service.post(f"{path}/rollback", json=undo)),
    )
    assert (rollback.redemption, rollback.reason) == (redemption.id, "Returned")
    read = _read(sdk.RedemptionsGetResponseBody, await made(service.get(path)))
    assert read.status == "ROLLED_BACK"
    assert read.related_redemptions.rollbacks[0].id == rollback.id
    again = await service.post(f"{path}/rollbacks", json=undo)
    assert _read(sdk.Error, again.json()).key == "already_rolled_back"


async def test_refused_and_listed(service: httpx.AsyncClient) -> None:
    shared = await share(service)
    owner = shared.referrer["source_id"]
    body = _redemption(shared.code, owner)
    invalid = _read(
        sdk.ValidationsValidateResponseBody,
        await made(service.post("/v1/validations", json=body)),
    )
    assert not invalid.valid
    error = invalid.inapplicable_redeemables[0].result.error
    assert (error.code, error.key) == (400, "referrer_not_permitted_to_redeem")
    refused = await service.post("/v1/redemptions", json=body)
    assert _read(sdk.Error, refused.json()).key == error.key
    await service.post("/v1/redemptions", json=_redemption("NO-SUCH-CODE", "nobody"))
    await made(service.post("/v1/redemptions", json=_redemption(shared.code, "friend")))
    listed = _read(sdk.RedemptionsListResponseBody, await made(service.get("/v1/redemptions")))
    assert [(one.result, one.failure_code) for one in listed.redemptions] == [
        ("SUCCESS", None),
        ("FAILURE", "resource_not_found"),
        ("FAILURE", "referrer_not_permitted_to_redeem"),
    ]
    entries = _read(
        sdk.VouchersRedemptionGetResponseBody,
        await made(service.get(f"/v1/vouchers/{shared.code}/redemption")),
    )
    assert (entries.redeemed_quantity, entries.total) == (1, 2)


async def test_codes_and_holders(service: httpx.AsyncClient) -> None:
    shared = await share(service)
    vouchers = f"/v1/campaigns/{shared.campaign_id}/vouchers"
    added = _read(
        sdk.CampaignsVouchersCreateCombinedResponseBody,
        await made(
            service.post(
                vouchers,
                json=_sent(
                    sdk.CampaignsVouchersCreateInBulkRequestBody(
                        code_config=sdk.CodeConfig(pattern="VIP-######"),
                        redemption=sdk.CampaignsVouchersCreateInBulkRequestBodyRedemption(
                            quantity=3
                        ),
                    )
                ),
            )
        ),
    )
    assert added.code.startswith("VIP-")
    assert added.redemption.quantity == 3
    many = await made(service.post(f"{vouchers}?vouchers_count=2"))
    assert _read(sdk.CampaignsVouchersCreateCombinedResponseBody, many).async_action_id is None
    named = await made(service.post(f"{vouchers}/SUMMER"))
    assert _read(sdk.CampaignsVouchersCreateResponseBody, named).code == "SUMMER"
    off = await made(service.post("/v1/vouchers/SUMMER/disable"))
    assert _read(sdk.VouchersDisableResponseBody, off).active is False
    on = await made(service.post("/v1/vouchers/SUMMER/enable"))
    assert _read(sdk.VouchersEnableResponseBody, on).active is True
    one = await made(service.get("/v1/vouchers/SUMMER"))
    assert _read(sdk.VouchersGetResponseBody, one).is_referral_code
    listed = await made(service.get("/v1/vouchers"))
    assert len(_read(sdk.VouchersListResponseBody, listed).vouchers) == 5

    holders = f"/v1/referrals/{shared.campaign_id}/members/{shared.code}/holders"
    friends = [sdk.Customer(source_id=f"f{n}") for n in range(3)]
    body = _sent(sdk.ReferralsMembersHoldersCreateInBulkRequestBody(holders=friends))
    created = _read(
        sdk.ReferralsMembersHoldersCreateInBulkResponseBody,
        await made(service.post(holders, json=body)),
    )
    assert {holder.holder_role for holder in created.holders} == {"REFEREE"}
    page = _read(
        sdk.ReferralsMembersHoldersListResponseBody,
        await made(service.get(f"{holders}?limit=2")),
    )
    assert (len(page.data), page.total, page.has_more) == (2, 4, True)


async def test_every_discount(service: httpx.AsyncClient) -> None:
    for number, (discount, saved) in enumerate(
        [
            (sdk.Discount(type="AMOUNT", amount_off=700), 700),
            (sdk.Discount(type="PERCENT", percent_off=50, amount_limit=1500), 1500),
            (sdk.Discount(type="FIXED", fixed_amount=2500), 1500),
            (
                sdk.Discount(type="UNIT", unit_off=3, unit_type="mug", effect="ADD_MISSING_ITEMS"),
                3000,
            ),
        ]
    ):
        shared = await share(service, voucher={"discount": _sent(discount)})
        body = _redemption(shared.code, f"friend-{number}")
        redeemed = _read(
            sdk.RedemptionsRedeemResponseBody,
            await made(service.post("/v1/redemptions", json=body)),
        )
        assert redeemed.order.total_discount_amount == saved
        given = redeemed.redemptions[0].voucher.discount
        assert given.to_dict() | discount.to_dict() == given.to_dict()
    (item,) = redeemed.order.items
    assert (item.discount_quantity, item.discount_amount) == (3, 3000)
