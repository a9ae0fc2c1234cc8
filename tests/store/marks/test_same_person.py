"""Whoever changes or gives up an address does not become somebody else."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domain.campaigns import Review
from domain.customers import Address, Person
from domain.fraud import FraudChecks, Response
from domain.messages import Decision
from store.customers.erase import erase
from store.customers.upsert import upsert
from store.database import Database
from store.imports import customers as imports
from store.marks.changes import purge
from store.qualification.qualify import qualify as judge
from store.tables import ErasedMark, Grant, PersonMark, RefereeMark, Referral
from tests.auditing import assert_books_agree
from tests.builders import (
    Programme,
    add_code,
    add_customer,
    add_programme,
    convert,
    number,
    one,
    qualify,
    rows,
    sign_up,
    start_of,
    terms,
)

LOOKED_AT = terms(review=Review.FLAGGED)
"""A person looks at what is flagged."""


async def change(database: Database, customer_id: str, **changes: Any) -> None:
    async with database.transaction() as tx:
        await upsert(tx, Person.model_validate({"id": customer_id} | changes))


async def correct(database: Database, customer_id: str, **changes: Any) -> None:
    async with database.transaction() as tx:
        await upsert(tx, Person.model_validate({"id": customer_id} | changes), corrects=True)


async def remove(database: Database, customer_id: str, **kept: timedelta) -> None:
    async with database.transaction() as tx:
        await erase(tx, customer_id, *kept.values())


async def paid(database: Database, programme: Programme, **person: Any) -> str:
    """A friend who counts and whose rewards have come to rest."""
    friend = await add_customer(database, **person)
    assert (await qualify(database, programme.code, friend)).qualified
    async with database.transaction() as tx:
        await tx.session.execute(
            text("UPDATE grants SET status = 'delivered' WHERE status = 'ordering'")
        )
    return friend


async def verdict_on(database: Database, decision: Decision, customer_id: str) -> dict[str, Any]:
    """The check that stood in the way."""
    assert not decision.qualified
    referral = await one(database, Referral, referee_id=customer_id)
    (failed,) = [verdict for verdict in referral.verdicts if not verdict["passed"]]
    return failed


def unique_email() -> str:
    return f"bob{number()}@example.com"


KINDS: dict[str, dict[str, Any]] = {
    "email": {"email": "bob@example.com"},
    "phone": {"phone": "+1 217 555 0177"},
    "address": {"address": Address(line_1="77 Elm Street", city="Springfield", country="US")},
}
OTHER: dict[str, dict[str, Any]] = {
    "email": {"email": "robert@example.com"},
    "phone": {"phone": "+1 217 555 0188"},
    "address": {"address": Address(line_1="88 Oak Street", city="Springfield", country="US")},
}


def refusing(kind: str) -> Any:
    return terms(fraud=FraudChecks.model_validate({f"same_{kind}": "refuse"}))


@pytest.mark.parametrize("kind", KINDS)
class TestWhatAFriendHad:
    async def test_still_is_theirs_when_a_new_account_brings_it(
        self, database: Database, kind: str
    ) -> None:
        programme = await add_programme(database, refusing(kind))
        friend = await paid(database, programme, **KINDS[kind])
        await change(database, friend, **OTHER[kind])
        for given in (KINDS[kind], OTHER[kind]):
            again = await add_customer(database, **given)
            decision = await qualify(database, programme.code, again)
            verdict = await verdict_on(database, decision, again)
            assert verdict["check"] == f"same_{kind}"
            assert verdict["numbers"] == {"customer_id": again, "same_as": friend}

    async def test_before_the_event_is_claimed_with_it(self, database: Database, kind: str) -> None:
        programme = await add_programme(database, refusing(kind))
        waiting = await sign_up(
            database, programme.code, await add_customer(database, **KINDS[kind])
        )
        await change(database, waiting.referee_id, **OTHER[kind])
        assert (await qualify(database, programme.code, waiting.referee_id)).qualified
        again = await add_customer(database, **KINDS[kind])
        assert not (await qualify(database, programme.code, again)).qualified

    async def test_the_referrer_cannot_refer_what_she_had(
        self, database: Database, kind: str
    ) -> None:
        programme = await add_programme(database, refusing(kind))
        jane = await add_customer(database, **KINDS[kind])
        await change(database, jane, **OTHER[kind])
        code = await add_code(database, programme.campaign_id, jane)
        herself = await add_customer(database, **KINDS[kind])
        decision = await qualify(database, code, herself)
        verdict = await verdict_on(database, decision, herself)
        assert verdict["numbers"]["same_as"] == jane

    async def test_outlives_the_erasure_as_a_keyed_hash(
        self, database: Database, kind: str
    ) -> None:
        programme = await add_programme(database, refusing(kind))
        friend = await paid(database, programme, **OTHER[kind])
        await change(database, friend, **KINDS[kind])
        known = {row.mark for row in await rows(database, RefereeMark)}
        await remove(database, friend)
        assert await rows(database, PersonMark) == []
        assert await rows(database, RefereeMark, customer_id=friend) == []
        kept = await rows(database, ErasedMark)
        assert {row.mark for row in kept} & known == set()
        for given in (KINDS[kind], OTHER[kind]):
            again = await add_customer(database, **given)
            decision = await qualify(database, programme.code, again)
            verdict = await verdict_on(database, decision, again)
            assert verdict["numbers"]["same_as"] == friend
        await assert_books_agree(database)

    async def test_changed_by_an_import_is_kept_as_well(
        self, database: Database, kind: str
    ) -> None:
        programme = await add_programme(database, refusing(kind))
        friend = await paid(database, programme, **KINDS[kind])
        async with database.transaction() as tx:
            row = Person.model_validate({"id": friend} | OTHER[kind])
            assert (await imports.merge(tx, [(1, row)])).updated == 1
        for given in (KINDS[kind], OTHER[kind]):
            again = await add_customer(database, **given)
            assert not (await qualify(database, programme.code, again)).qualified


class TestErased:
    async def test_a_friend_who_registers_again_is_paid_once(self, database: Database) -> None:
        programme = await add_programme(database)
        await remove(database, await paid(database, programme, email="bob@example.com"))
        for _ in range(3):
            again = await add_customer(database, email="Bob+new@Example.com")
            assert not (await qualify(database, programme.code, again)).qualified
            await remove(database, again)
        assert len(await rows(database, Grant, role="referee")) == 1

    async def test_is_forgotten_when_the_time_is_over(self, database: Database) -> None:
        programme = await add_programme(database)
        friend = await paid(database, programme, email="bob@example.com")
        await remove(database, friend, kept=timedelta(seconds=0))
        assert await rows(database, ErasedMark) == []
        again = await add_customer(database, email="bob@example.com")
        assert (await qualify(database, programme.code, again)).qualified

    async def test_the_hashes_go_when_their_time_has_come(self, database: Database) -> None:
        programme = await add_programme(database)
        await remove(database, await paid(database, programme), kept=timedelta(days=1))
        kept = len(await rows(database, ErasedMark))
        assert kept == 3
        async with database.transaction() as tx:
            await purge(tx)
        assert len(await rows(database, ErasedMark)) == kept
        async with database.transaction() as tx:
            tx.now += timedelta(days=1, seconds=1)
            await purge(tx)
        assert await rows(database, ErasedMark) == []

    async def test_marks_are_per_campaign(self, database: Database) -> None:
        programme = await add_programme(database)
        await remove(database, await paid(database, programme, email="bob@example.com"))
        other = await add_programme(database)
        again = await add_customer(database, email="bob@example.com")
        assert (await qualify(database, other.code, again)).qualified

    async def test_nothing_that_is_left_names_them(self, database: Database) -> None:
        programme = await add_programme(database)
        friend = await paid(database, programme, email="zyxqvu@example.com", phone="+12175550199")
        await change(database, friend, email="wvutsr@example.com")
        await remove(database, friend)
        async with database.reading() as session:
            left = [
                json.dumps([row.model_dump(mode="json") for row in await rows(database, table)])
                for table in (ErasedMark, PersonMark, RefereeMark)
            ]
            names = await session.scalars(text("SELECT customers::text FROM customers"))
            left += list(names)
        assert all(trace not in one for one in left for trace in ("zyxqvu", "wvutsr", "2175550199"))


class TestStaff:
    async def test_a_correction_frees_what_was_never_theirs(self, database: Database) -> None:
        """An agent had typed the neighbour's address."""
        programme = await add_programme(database)
        friend = await paid(database, programme, email="neighbour@example.com")
        await correct(database, friend, email=unique_email())
        neighbour = await add_customer(database, email="neighbour@example.com")
        assert (await qualify(database, programme.code, neighbour)).qualified

    async def test_a_change_by_the_customer_does_not(self, database: Database) -> None:
        programme = await add_programme(database)
        friend = await paid(database, programme, email="neighbour@example.com")
        await change(database, friend, email=unique_email())
        neighbour = await add_customer(database, email="neighbour@example.com")
        assert not (await qualify(database, programme.code, neighbour)).qualified


class TestShared:
    @pytest.mark.parametrize(
        ("kind", "pattern", "given"),
        [
            ("email", "*@relay.example.com", {"email": "x1@relay.example.com"}),
            ("phone", "+1 (217) 555-01*", {"phone": "+12175550100"}),
            (
                "address",
                "1 Market Street*",
                {"address": Address(line_1="1, Market Street", city="Springfield")},
            ),
        ],
    )
    async def test_an_address_shared_by_many_identifies_nobody(
        self, database: Database, kind: str, pattern: str, given: dict[str, Any]
    ) -> None:
        fraud = FraudChecks.model_validate({f"same_{kind}": "refuse", "shared": [pattern]})
        programme = await add_programme(database, terms(fraud=fraud))
        for _ in range(2):
            friend = await add_customer(database, **given)
            assert (await qualify(database, programme.code, friend)).qualified

    async def test_only_what_the_pattern_names(self, database: Database) -> None:
        fraud = FraudChecks(shared=("*@relay.example.com",))
        programme = await add_programme(database, terms(fraud=fraud))
        await paid(database, programme, email="bob@example.com")
        again = await add_customer(database, email="bob@example.com")
        assert not (await qualify(database, programme.code, again)).qualified


async def test_a_check_that_is_off_knows_nobody(database: Database) -> None:
    programme = await add_programme(database, terms(fraud=FraudChecks(same_email=Response.OFF)))
    friend = await paid(database, programme, email="bob@example.com")
    await remove(database, friend)
    again = await add_customer(database, email="bob@example.com")
    assert (await qualify(database, programme.code, again)).qualified


class TestAnErasedReferrer:
    async def test_the_waiting_friend_keeps_their_reward(self, database: Database) -> None:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        await remove(database, programme.referrer_id)
        converted = await convert(database, programme.code, waiting.referee_id)
        decision = await judge(database, start_of(converted.referrals[0]))
        assert decision.qualified
        (grant,) = await rows(database, Grant)
        assert (grant.role, grant.recipient_id) == ("referee", waiting.referee_id)
        referral = await one(database, Referral, id=waiting.id)
        (dropped,) = [one for one in referral.verdicts if one["check"] == "referrer"]
        assert "the referrer's is dropped" in dropped["detail"]
        await assert_books_agree(database)

    async def test_also_by_an_event_that_names_no_code(self, database: Database) -> None:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        await remove(database, programme.referrer_id)
        converted = await convert(database, None, waiting.referee_id)
        assert (await judge(database, start_of(converted.referrals[0]))).qualified
        assert [grant.role for grant in await rows(database, Grant)] == ["referee"]

    async def test_is_still_recognised_in_the_friend(self, database: Database) -> None:
        programme = await add_programme(database)
        await change(database, programme.referrer_id, email="jane@example.com")
        waiting = await sign_up(
            database, programme.code, await add_customer(database, email="jane@example.com")
        )
        await remove(database, programme.referrer_id)
        decision = await qualify(database, programme.code, waiting.referee_id)
        verdict = await verdict_on(database, decision, waiting.referee_id)
        assert verdict["numbers"]["same_as"] == programme.referrer_id

    async def test_an_erased_friend_ends_the_referral(self, database: Database) -> None:
        programme = await add_programme(database)
        waiting = await sign_up(database, programme.code)
        await remove(database, waiting.referee_id)
        referral = await one(database, Referral, id=waiting.id)
        assert (referral.status, referral.reason) == (
            "rejected",
            "The friend was erased before a conversion came.",
        )
