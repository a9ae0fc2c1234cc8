"""The constraints that stand behind the locks: each must refuse what the locks should have kept
from it. They are asked directly, for with every lock in place nothing ever reaches them."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from domain.rewards import DiscountCoupon
from store.customers.erase import erase
from store.database import Database
from store.grants import receivables
from store.tables import Grant, Order, Redemption, Referral
from tests.builders import (
    add_campaign,
    add_code,
    add_customer,
    add_friends,
    add_programme,
    alter,
    budget,
    every_friend,
    gift_card,
    many_friends,
    number,
    one,
    points,
    qualify,
    redemption_terms,
    rows,
    terms,
)
from tests.proofs.deeds import claim, credit, reverse
from tests.proofs.deeds_of_codes import mint, publish, redeem, roll_back, spend

_AGAIN = "INSERT INTO {table} SELECT (jsonb_populate_record(r, '{changed}')).* FROM {rows} LIMIT 1"


class Question(NamedTuple):
    """What must not be, and the statement that tries it."""

    what: str
    statement: str


def _again(what: str, table: str, changed: str = '{"id": "x"}', where: str = "") -> Question:
    condition = where if " " in where else f"{where} IS NOT NULL"
    rows = f"{table} r WHERE r.{condition}" if where else f"{table} r"
    return Question(what, _AGAIN.format(table=table, changed=changed, rows=rows))


def _order(what: str, changed: str) -> Question:
    """Another order, the same in one respect."""
    respects = {
        "key": '"key": "x"',
        "generation": '"generation": 9',
        "hook_token": '"hook_token": "x"',
        "provider_order_id": '"provider_order_id": "x"',
    }
    others = ", ".join(given for name, given in respects.items() if name != changed)
    return _again(what, "orders", f'{{"id": "x", {others}}}', "provider_order_id")


FORBIDDEN = {
    "referrals.uq_referrals_campaign_id_referee_id": _again(
        "a second referral of one friend", "referrals"
    ),
    "grants.ux_grants_friend": _again(
        "a second grant for one friend", "grants", where="friends_counted IS NULL"
    ),
    "grants.ux_grants_milestone": _again(
        "a second grant for one milestone", "grants", where="friends_counted"
    ),
    "orders.uq_orders_grant_id_generation": _order(
        "a second order of one generation", "generation"
    ),
    "orders.uq_orders_key": _order("a second order under one key", "key"),
    "orders.uq_orders_hook_token": _order("two orders that are called back alike", "hook_token"),
    "orders.uq_orders_provider_provider_order_id": _order(
        "one provider's order for two of ours", "provider_order_id"
    ),
    "reversals.uq_reversals_identity": _again("a second reversal of one refund", "reversals"),
    "wallet_credits.pk_wallet_credits": _again(
        "a second credit of one grant", "wallet_credits", "{}"
    ),
    "referrer_progress.pk_referrer_progress": _again(
        "a second count of one referrer", "referrer_progress", "{}"
    ),
    "budgets.pk_budgets": _again("a second budget in one currency", "budgets", "{}"),
    "campaign_versions.pk_campaign_versions": _again(
        "a second wording of one version", "campaign_versions", "{}"
    ),
    "campaigns.uq_campaigns_name": _again("a second campaign of one name", "campaigns"),
    "customers.uq_customers_source_id": _again(
        "a second customer of one name", "customers", where="source_id"
    ),
    "vouchers.uq_vouchers_code": _again(
        "a code that exists twice", "vouchers", '{"id": "x", "generated": null}'
    ),
    "vouchers.ux_vouchers_generated_reading": Question(
        "a second drawn code that is read alike",
        "INSERT INTO vouchers SELECT (jsonb_populate_record(v, jsonb_build_object('id', 'x',"
        " 'code', lower(v.code)))).* FROM vouchers v WHERE v.generated"
        " AND lower(v.code) <> v.code LIMIT 1",
    ),
    "identities.pk_identities": _again("a second meaning of one identity", "identities", "{}"),
    "publications.uq_publications_source_id": _again(
        "a second publication under one name", "publications", where="source_id"
    ),
    "holders.uq_holders_voucher_id_customer_id": _again(
        "a code that is held twice by one", "holders", '{"id": "x", "role": "REFERRER"}'
    ),
    "holders.ux_holders_owner": Question(
        "a second owner of one code",
        "INSERT INTO holders SELECT 'x', h.voucher_id, h.campaign_id, c.id, 'OWNER', false,"
        " h.created_at FROM holders h JOIN customers c ON c.id <> h.customer_id LIMIT 1",
    ),
    "holders.ux_holders_join_once": Question(
        "a second code of one who joins once",
        "INSERT INTO holders SELECT 'x', v.id, h.campaign_id, h.customer_id, 'OWNER', true,"
        " h.created_at FROM holders h JOIN vouchers v ON NOT EXISTS"
        " (SELECT FROM holders WHERE voucher_id = v.id) WHERE h.once LIMIT 1",
    ),
    "redemptions.uq_redemptions_identity": _again("a second use for one order", "redemptions"),
    "redemptions.ck_redemptions_use_is_whole": Question(
        "a use of no code", "UPDATE redemptions SET voucher_id = NULL"
    ),
    "redemptions.ck_redemptions_counted_use_refers": Question(
        "a use that counts and refers nobody",
        "UPDATE redemptions SET referral_id = NULL, counts = true",
    ),
    "redemptions.ck_redemptions_failure_counts_nothing": Question(
        "a refusal that counts", "UPDATE redemptions SET failure_code = 'x', counts = true"
    ),
    "rollbacks.uq_rollbacks_redemption_id": _again("a second rollback of one use", "rollbacks"),
    "vouchers.ck_vouchers_not_given_back_twice": Question(
        "more uses given back than there were", "UPDATE vouchers SET redeemed_quantity = -1"
    ),
    "coupons.uq_coupons_grant_id": Question(
        "a second coupon for one grant",
        "INSERT INTO coupons (voucher_id, grant_id, customer_id, discount, created_at)"
        " SELECT v.id, c.grant_id, c.customer_id, c.discount, c.created_at"
        " FROM coupons c JOIN vouchers v ON v.id <> c.voucher_id LIMIT 1",
    ),
    "coupons.pk_coupons": Question(
        "one coupon for two grants",
        "INSERT INTO coupons (voucher_id, grant_id, customer_id, discount, created_at)"
        " SELECT c.voucher_id, g.id, c.customer_id, c.discount, c.created_at"
        " FROM coupons c JOIN grants g ON g.id <> c.grant_id LIMIT 1",
    ),
    "referee_marks.pk_referee_marks": _again("a mark of two friends", "referee_marks", "{}"),
    "receivables.pk_receivables": _again("a second account of debts", "receivables", "{}"),
    "ledger_entries.uq_ledger_entries_subject_kind_account_currency": Question(
        "a fact that is posted twice",
        "INSERT INTO ledger_entries (transaction_id, at, kind, subject, account, amount, currency)"
        " SELECT 'x', at, kind, subject, account, amount, currency FROM ledger_entries LIMIT 1",
    ),
    "budgets.ck_budgets_ceiling": Question(
        "a budget that is overshot", "UPDATE budgets SET reserved = ceiling - committed + 1"
    ),
    "budgets.ck_budgets_not_negative": Question(
        "a budget below zero", "UPDATE budgets SET reserved = -1, ceiling = NULL"
    ),
    "wallet_credits.ck_wallet_credits_remaining_fits": Question(
        "a wallet below zero", "UPDATE wallet_credits SET remaining = -1"
    ),
    "wallet_uses.ck_wallet_uses_returned_fits": Question(
        "more given back than was used", "UPDATE wallet_uses SET returned = amount + 1"
    ),
    "erased_names.pk_erased_names": _again("a second count of one name", "erased_names", "{}"),
    "grants.ck_grants_amount_positive": Question(
        "a grant of nothing", "UPDATE grants SET amount = 0"
    ),
    "reversals.ck_reversals_refunded_positive": Question(
        "a refund of nothing", "UPDATE reversals SET refunded = 0"
    ),
}
"""By the constraint that stands in the way."""


async def evidence(database: Database) -> None:
    """A row of each sort, for the constraints to be asked about."""
    tiers = (every_friend(gift_card()), many_friends(1))
    of = terms(*tiers, limits=budget(1000_00), referee_reward=points())
    decision = await qualify(database, (await add_programme(database, of)).code)
    for task in decision.grants:
        await (claim if task.provider else credit)(database, task.grant_id)
    order = (await rows(database, Order))[0]
    await alter(database, order, provider_order_id="theirs")
    await reverse(database, (await rows(database, Referral))[0].id, "refund")
    await _codes(database)


async def _codes(database: Database) -> None:
    """A coupon, a use that was rolled back, a publication that has a name, and a debt."""
    owner, friend = await add_friends(database, 2)
    coupon = DiscountCoupon.model_validate({"discount": {"type": "AMOUNT", "amount_off": 500}})
    of = redemption_terms(every_friend(coupon), referee_reward=None)
    campaign_id = await add_campaign(database, of)
    await publish(database, f"caller-{number()}", {"campaign": campaign_id}, "welcome")
    await redeem(database, await add_code(database, campaign_id, owner), friend, "order")
    await mint(database, (await one(database, Grant, campaign_id=campaign_id)).id)
    await roll_back(database, (await one(database, Redemption)).id)
    async with database.transaction() as tx:
        await receivables.change(tx, owner, "USD", 1)
    await _past(database)


async def _past(database: Database) -> None:
    """A use of a wallet, and somebody who was erased."""
    programme = await add_programme(database, terms(every_friend(points()), referee_reward=None))
    await credit(database, (await qualify(database, programme.code)).grants[0].grant_id)
    await spend(database, programme.referrer_id, 1, "use")
    gone = await add_customer(database)
    async with database.transaction() as tx:
        await erase(tx, gone)


async def admitted(database: Database) -> list[str]:
    """What the constraints let through, or could not be asked about for want of a row."""
    found = []
    for what, statement in FORBIDDEN.values():
        try:
            async with database.transaction() as tx:
                await tx.session.execute(text(statement))
                raise _Admitted
        except _Admitted:
            found.append(f"{what} was admitted")
        except IntegrityError:
            continue
    return found


class _Admitted(Exception):
    """Rolls back what should have been refused."""
