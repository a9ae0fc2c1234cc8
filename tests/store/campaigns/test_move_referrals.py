"""Moving waiting referrals in portions: interrupted, it goes on; while friends convert, it moves
those who still wait, and nobody twice."""

from __future__ import annotations

import asyncio

import pytest

from store.campaigns import move_referrals
from store.campaigns.revise import lock, revise
from store.database import Database
from store.tables import Campaign, Event, Grant, Referral, TermsMove
from tests.builders import (
    add_friends,
    add_programme,
    convert,
    every_friend,
    gift_card,
    one,
    qualify,
    rows,
    sign_up,
    terms,
)

OLD = terms()
NEW = terms(every_friend(gift_card(25_00)), referee_reward=gift_card(25_00))


async def _waiting(database: Database, count: int) -> tuple[str, str, list[str]]:
    """The campaign with a second version, its code, and the friends who wait under the first."""
    programme = await add_programme(database, OLD)
    friends = await add_friends(database, count)
    await asyncio.gather(*(sign_up(database, programme.code, friend) for friend in friends))
    async with database.transaction() as tx:
        campaign = await lock(tx, programme.campaign_id)
        await revise(tx, campaign, OLD, NEW, {}, actor="app_test")
    return programme.campaign_id, programme.code, friends


async def _shown(database: Database, campaign_id: str) -> str:
    async with database.transaction() as tx:
        return (await move_referrals.preview(tx, campaign_id, 2, None, actor="app_test")).move.id


async def _carry_out(database: Database, campaign_id: str, token: str) -> TermsMove:
    return await move_referrals.carry_out(
        database, campaign_id, 2, token, actor="app_test", reason="announced"
    )


async def test_a_large_move_runs_in_portions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move_referrals, "PORTION", 4)
    campaign_id, _, _ = await _waiting(database, 10)
    move = await _carry_out(database, campaign_id, await _shown(database, campaign_id))
    assert move.moved == len(await rows(database, Referral, campaign_version=2)) == 10
    assert len(await rows(database, Event, type="referral.moved")) == 10
    assert len(await rows(database, Event, type="campaign.referrals_moved")) == 1


async def test_an_interrupted_one_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move_referrals, "PORTION", 4)
    campaign_id, _, _ = await _waiting(database, 10)
    token = await _shown(database, campaign_id)
    portion = move_referrals._move_portion
    done: list[str] = []

    async def dies_after_one(tx: move_referrals.Transaction, move_id: str) -> TermsMove:
        if done:
            raise ConnectionError
        done.append(move_id)
        return await portion(tx, move_id)

    monkeypatch.setattr(move_referrals, "_move_portion", dies_after_one)
    with pytest.raises(ConnectionError):
        await _carry_out(database, campaign_id, token)
    assert len(await rows(database, Referral, campaign_version=2)) == 4
    assert (await one(database, TermsMove)).done_at is None
    monkeypatch.setattr(move_referrals, "_move_portion", portion)
    assert (await _carry_out(database, campaign_id, token)).moved == 10
    assert len(await rows(database, Event, type="referral.moved")) == 10


async def test_a_move_during_conversions_leaves_each_referral_under_one_version(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move_referrals, "PORTION", 3)
    campaign_id, code, friends = await _waiting(database, 12)
    token = await _shown(database, campaign_id)
    move, *_ = await asyncio.gather(
        _carry_out(database, campaign_id, token),
        *(convert(database, code, friend) for friend in friends[::2]),
    )
    assert move.moved == len(await rows(database, Referral, campaign_version=2))
    for friend in friends[::2]:
        assert (await qualify(database, code, friend)).qualified
    versions = {row.id: row.campaign_version for row in await rows(database, Referral)}
    for grant in await rows(database, Grant):
        assert grant.amount == (25_00 if versions[grant.referral_id] == 2 else 15_00)


async def test_edits_at_once_are_versions_one_after_the_other(database: Database) -> None:
    programme = await add_programme(database, OLD)

    async def edit(amount: int) -> None:
        async with database.transaction() as tx:
            campaign = await lock(tx, programme.campaign_id)
            after = terms(every_friend(gift_card(amount)))
            await revise(tx, campaign, OLD, after, {}, actor="app_test")

    await asyncio.gather(*(edit(20_00 + n) for n in range(5)))
    assert (await one(database, Campaign)).version == 6
