"""What stops a message: its reader, their address, erasure, a reversal, the night, the staff."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.customers import Person
from domain.messaging.channels import Channel
from domain.messaging.consents import Consent
from domain.messaging.distributions import Distribution
from domain.refusals import NotAllowedInState
from store.customers.erase import erase
from store.customers.upsert import upsert
from store.database import Database, now
from store.messages import consents, distributions, unsubscribing
from store.messages.resend import Report, report, resend
from store.reversals.carry_out import carry_out
from store.reversals.request import request_reversal
from store.tables import Customer, Grant, MarketingConsent, Message, Suppression
from tests.builders import add_customer, add_grant, add_programme, one, rows, sign_up
from tests.messaging import Mailing, add_distribution, plan_messages
from tests.ordering import deliver

INVITATION = "code published", "invitation"
JOINED = "referral.attributed", "friend joined"
COMING = "grant.created", "reward on its way"


async def consent(database: Database, customer_id: str, *, granted: bool, **more: Any) -> None:
    async with database.transaction() as tx:
        await upsert(tx, Person(id=customer_id))
        given = Consent(granted=granted, **more)
        await consents.state(tx, customer_id, {Channel.EMAIL: given}.items())


async def invited(database: Database, *, agreed: bool) -> Message:
    """A marketing message that waits for a person."""
    await add_distribution(database, *INVITATION, marketing=True)
    programme = await add_programme(database)
    if agreed:
        await consent(database, programme.referrer_id, granted=True, source="checkout")
    (message,) = await plan_messages(database)
    return message


async def told(post: Mailing) -> tuple[str, str | None]:
    """Send; what became of the only message, and why."""
    (message,) = await post.send()
    return message.status, message.detail


async def test_marketing_goes_to_nobody_who_has_not_agreed(
    database: Database, post: Mailing
) -> None:
    await invited(database, agreed=False)
    said = "The person has not agreed to marketing on this channel."
    assert await told(post) == ("suppressed", said)
    assert post.box.mails == []


async def test_one_click_stops_marketing_and_leaves_messages_about_rewards(
    database: Database, post: Mailing
) -> None:
    await invited(database, agreed=True)
    assert (await told(post))[0] == "sent"
    (mail,) = post.box.mails
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = mail["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    assert f"https://guerdon.example/unsubscribe/{token}" in str(mail)
    for _ in range(2):  # mail programs repeat it
        async with database.transaction() as tx:
            assert await unsubscribing.unsubscribe(tx, token)
    customer = await one(database, Customer)
    stored = await one(database, MarketingConsent)
    assert (stored.granted, stored.source) == (False, "unsubscribe")
    # A CRM's nightly copy knows nothing of it, and undoes nothing.
    await consent(database, customer.id, granted=True, source="nightly copy")
    (first,) = await rows(database, Message)
    async with database.transaction() as tx:
        again = await resend(tx, first.id, "app_1")
    await post.send(again)
    assert (await one(database, Message, id=again.id)).status == "suppressed"
    assert len(post.box.mails) == 1


async def test_a_later_word_of_the_person_counts_again(database: Database) -> None:
    customer_id = await add_customer(database)
    for granted, at in ((False, "2026-11-02T00:00Z"), (True, "2026-11-01T00:00Z")):
        await consent(database, customer_id, granted=granted, at=datetime.fromisoformat(at))
    assert not (await one(database, MarketingConsent)).granted
    await consent(
        database, customer_id, granted=True, at=datetime.fromisoformat("2026-11-03T00:00Z")
    )
    assert (await one(database, MarketingConsent)).granted


async def test_an_address_that_does_not_exist_gets_nothing_more_until_staff_try_again(
    database: Database, post: Mailing
) -> None:
    await add_distribution(database, *JOINED, audience={"role": "referrer"})
    programme = await add_programme(database)
    await sign_up(database, programme.code)
    post.box.at_recipient = "550 5.1.1 no such user"
    (first,) = await post.send_all()
    assert first.status == "bounced"
    post.box.at_recipient = "250 OK"
    await sign_up(database, programme.code)
    await plan_messages(database)
    second = (await post.send())[1]
    assert second.status == "suppressed"
    assert second.detail == "An earlier message to this address came back."
    async with database.transaction() as tx:
        again = await resend(tx, second.id, "app_1")
    await post.send(again)
    assert len(post.box.mails) == 1


async def test_a_complaint_stops_the_address_for_good_and_withdraws_consent(
    database: Database, post: Mailing
) -> None:
    message = await invited(database, agreed=True)
    await post.send()
    for said in (Report.COMPLAINED, Report.BOUNCED):
        async with database.transaction() as tx:
            await report(tx, message.id, said)
    assert (await one(database, Suppression)).reason == "complained"
    assert not (await one(database, MarketingConsent)).granted
    async with database.transaction() as tx:
        again = await resend(tx, message.id, "app_1")
    await post.send(again)
    assert (await one(database, Message, id=again.id)).status == "suppressed"


async def test_an_erased_person_gets_nothing_and_leaves_no_address(
    database: Database, post: Mailing
) -> None:
    await add_distribution(database, *JOINED, audience={"role": "referrer"})
    programme = await add_programme(database)
    await sign_up(database, programme.code)
    await post.send_all()
    await sign_up(database, programme.code)
    await plan_messages(database)
    async with database.transaction() as tx:
        await erase(tx, programme.referrer_id)
    await post.send()
    sent, waiting = await rows(database, Message)
    assert (waiting.status, waiting.detail) == ("cancelled", "The person was erased.")
    assert sent.address is None
    assert len(post.box.mails) == 1


async def test_a_reversal_stops_what_it_undoes(database: Database, post: Mailing) -> None:
    await add_distribution(database, *COMING)
    grant = await add_grant(database)
    await plan_messages(database)
    async with database.transaction() as tx:
        await request_reversal(tx, grant.referral_id, None, "returned", None)
    async with database.transaction() as tx:
        await carry_out(tx, grant.referral_id)
    assert await told(post) == ("cancelled", "The reward was withdrawn.")
    assert post.box.mails == []


async def test_a_withdrawn_reward_is_told_with_its_reason(
    database: Database, post: Mailing
) -> None:
    await add_distribution(database, "grant.cancelled", "reward withdrawn")
    grant = await add_grant(database)
    async with database.transaction() as tx:
        await request_reversal(tx, grant.referral_id, None, "returned", None)
    async with database.transaction() as tx:
        await carry_out(tx, grant.referral_id)
    await post.send_all()
    (mail,) = post.box.mails
    assert "because the purchase behind it was returned or refunded" in mail.as_string().replace(
        "=\n", ""
    )


async def test_nothing_is_sent_in_the_persons_night(database: Database, post: Mailing) -> None:
    later = now() + timedelta(hours=2)
    night = {"from": f"{now() - timedelta(hours=1):%H:%M}", "to": f"{later:%H:%M}"}
    await add_distribution(database, *COMING, quiet_hours=night)
    await add_grant(database)
    (message,) = await post.send_all()
    assert (message.status, post.box.mails) == ("waiting", [])
    assert abs(message.next_at - later) < timedelta(minutes=2)
    # Due, but somebody has moved the night meanwhile.
    await post.lapse(message)
    (message,) = await post.send()
    assert (message.status, post.box.mails) == ("waiting", [])
    async with database.transaction() as tx:
        again = await change_to(database, quiet_hours=None)
        await distributions.change(tx, message.distribution_id, again, None)
    await post.lapse(message)
    assert (await told(post))[0] == "sent"


async def change_to(database: Database, **changes: Any) -> Distribution:
    async with database.reading() as session:
        (planned,) = await distributions.active(session)
    return planned.plan.model_copy(update=changes)


async def test_while_a_distribution_is_off_nothing_is_sent(
    database: Database, post: Mailing
) -> None:
    await add_distribution(database, *COMING)
    await add_grant(database)
    (message,) = await plan_messages(database)
    off = await change_to(database, active=False)
    async with database.transaction() as tx:
        await distributions.change(tx, message.distribution_id, off, None)
    assert await told(post) == ("cancelled", "The distribution was switched off.")


async def test_a_reward_that_is_here_already_is_not_said_to_be_on_its_way(
    database: Database, post: Mailing
) -> None:
    await add_distribution(database, *COMING)
    grant = await add_grant(database)
    await deliver(database, grant.id)
    await plan_messages(database)
    assert await told(post) == ("cancelled", "The reward is already here.")
    assert (await one(database, Grant)).status == "delivered"


async def test_a_message_under_way_cannot_be_sent_again(database: Database) -> None:
    message = await invited(database, agreed=True)
    with pytest.raises(NotAllowedInState, match="goes out anyway"):
        async with database.transaction() as tx:
            await resend(tx, message.id, "app_1")
