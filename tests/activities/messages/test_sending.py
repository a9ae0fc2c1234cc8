"""From an event to a mail in the mailbox: once, with the right words, whatever crashes."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.testing import ActivityEnvironment

from activities.messages.outcome import Outcome
from activities.messages.senders import Senders
from domain.messaging.channels import Channel
from domain.messaging.sending import MessageStatus
from domain.messaging.templates import Content, Template
from store.database import Database
from store.messages.claim import Attempt
from store.messages.planning import read_on
from store.orders.delivery import record_snapshot
from store.tables import Campaign, Customer, Event, Message
from tests.activities.messages.test_mailer import part
from tests.builders import (
    add_customer,
    add_grant,
    add_programme,
    gift_card,
    one,
    rows,
    sign_up,
)
from tests.messaging import Mailing, activities_for, add_distribution, plan_messages
from tests.ordering import CARRIER, PACE, SECRET, VAULT, attempt, deliver, snapshot

HERE = "grant.delivered", "reward here"
LINK = gift_card(provider="giftcard-partners", delivery="link")


class Killed(BaseException):
    """The worker is gone."""


async def delivered_with_link(database: Database) -> str:
    """A card whose claim link we mail; answers the grant's id."""
    grant = await add_grant(database, LINK)
    claimed = await attempt(database, grant.id)
    async with database.transaction() as tx:
        said = snapshot(claimed, secret=SECRET)
        await record_snapshot(
            tx,
            claimed.order_id,
            said,
            vault=VAULT,
            pace=PACE,
            signals_delivery=False,
            carrier=CARRIER,
        )
    return grant.id


async def test_a_reward_that_is_here_is_told_once_with_name_amount_and_campaign(
    database: Database, post: Mailing
) -> None:
    await add_distribution(database, *HERE)
    grant = await add_grant(database)
    await deliver(database, grant.id)
    (message,) = await post.send_all()
    await post.send_all()
    (mail,) = post.box.mails
    person = await one(database, Customer, id=grant.recipient_id)
    assert mail["To"] == person.email
    assert message.status == MessageStatus.SENT
    for kind in ("plain", "html"):
        assert str(person.name).split()[0] in part(mail, kind)
        assert "a gift card of $15.00" in part(mail, kind)
        assert "Refer a friend" in part(mail, kind)
    told = [event.title for event in await rows(database, Event, grant_id=grant.id)]
    assert any(title.startswith("Message sent by e-mail: distribution") for title in told)


async def test_the_mail_that_a_friend_joined_names_the_friend_to_the_referrer(
    database: Database, post: Mailing
) -> None:
    await add_distribution(
        database, "referral.attributed", "friend joined", audience={"role": "referrer"}
    )
    programme = await add_programme(database)
    await sign_up(database, programme.code, await add_customer(database, name="Bob Roe"))
    await post.send_all()
    (mail,) = post.box.mails
    assert mail["To"] == (await one(database, Customer, id=programme.referrer_id)).email
    assert mail["Subject"] == "Bob joined with your code"


async def test_an_invitation_carries_the_persons_own_code_and_link(
    database: Database, post: Mailing
) -> None:
    await add_distribution(database, "code published", "invitation")
    programme = await add_programme(database)
    async with database.transaction() as tx:
        campaign = await tx.session.get_one(Campaign, programme.campaign_id)
        campaign.landing_url = "https://shop.example/?code={code}"
    code = programme.code
    await post.send_all()
    (mail,) = post.box.mails
    assert f"Open my link: https://guerdon.example/r/{code}" in part(mail, "plain")
    assert f'href="https://guerdon.example/r/{code}"' in part(mail, "html")


async def test_no_markup_of_a_customers_fields_is_interpreted(
    database: Database, post: Mailing
) -> None:
    await add_distribution(
        database, "referral.attributed", "friend joined", audience={"role": "referrer"}
    )
    name = '<img src=x onerror="alert(1)">{{ code }}</mj-text><mj-include path="/etc/passwd"/>'
    programme = await add_programme(database)
    await sign_up(database, programme.code, await add_customer(database, name=name))
    await post.send_all()
    (mail,) = post.box.mails
    html = part(mail, "html")
    assert "<img" not in html
    assert "root:" not in html
    assert programme.code not in html


async def test_a_mail_is_in_its_readers_language_else_in_the_templates_own(
    database: Database, post: Mailing
) -> None:
    words = "<mjml><mj-body><mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section>"
    mjml = words + "</mj-body></mjml>"
    template = Template(
        name="joined",
        channel=Channel.EMAIL,
        subject="{{ friend.name }} joined",
        mjml=mjml.format("Welcome"),
        translations={
            "de": Content(subject="{{ friend.name }} ist dabei", mjml=mjml.format("Hallo"))
        },
    )
    await add_distribution(database, "referral.attributed", template, audience={"role": "referee"})
    programme = await add_programme(database, name="Müllers & Söhne")
    for language in ("de_AT", "fr"):
        friend = await add_customer(database, metadata={"lang": language})
        await sign_up(database, programme.code, friend)
    told = {message.language for message in await post.send_all()}
    assert told == {"de", "en"}
    subjects = sorted(
        mail["Subject"].partition(" ")[2].partition(" ")[2] for mail in post.box.mails
    )
    assert subjects == ["ist dabei", "joined"]


async def test_readers_of_the_events_at_once_write_one_message(database: Database) -> None:
    await add_distribution(database, "grant.created", "reward on its way")
    for _ in range(5):
        await add_grant(database)
    await asyncio.gather(*(read_on(database) for _ in range(6)))
    assert len(await plan_messages(database)) == 5


async def test_only_what_happens_while_a_distribution_is_on_is_told(database: Database) -> None:
    await plan_messages(database)
    await add_grant(database)
    await add_distribution(database, "grant.created", "reward on its way")
    later = await add_grant(database)
    assert [message.grant_id for message in await plan_messages(database)] == [later.id]


async def test_senders_at_once_send_one_mail(database: Database, post: Mailing) -> None:
    await add_distribution(database, *HERE)
    await deliver(database, (await add_grant(database)).id)
    (message,) = await plan_messages(database)
    run = ActivityEnvironment().run
    await asyncio.gather(*(run(post.activities.send_message, message.id) for _ in range(6)))
    assert len(post.box.mails) == 1


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_mail_that_may_have_been_sent_is_doubtful_and_not_sent_again(
    database: Database, post: Mailing, arrived: bool
) -> None:
    await add_distribution(database, *HERE)
    await deliver(database, (await add_grant(database)).id)
    (message,) = await plan_messages(database)
    await crash(post, message, arrived=arrived)
    mails = len(post.box.mails)
    assert mails == int(arrived)
    (message,) = await post.send(message)
    assert message.status == MessageStatus.DOUBTFUL
    assert len(post.box.mails) == mails
    event = await one(database, Event, type="message.doubtful")
    assert "Send it again if the person does not have it." in (event.detail or "")


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_mail_with_a_claim_link_is_sent_again_under_the_same_message_id(
    database: Database, post: Mailing, arrived: bool
) -> None:
    await add_distribution(database, *HERE)
    await delivered_with_link(database)
    (message,) = await plan_messages(database)
    await crash(post, message, arrived=arrived)
    await post.send(message)
    await post.lapse(message)
    (message,) = await post.send(message)
    assert message.status == MessageStatus.SENT
    assert len(post.box.mails) == 1 + arrived
    assert len({mail["Message-ID"] for mail in post.box.mails}) == 1
    assert SECRET.link in part(post.box.mails[-1], "html")


class Dying(Senders):
    """The worker dies, before or after the server has taken the mail."""

    def __init__(self, living: Senders, *, arrived: bool) -> None:
        self._living, self._arrived = living, arrived

    async def send(self, attempt: Attempt) -> Outcome:
        if self._arrived:
            await self._living.send(attempt)
        raise Killed


async def crash(post: Mailing, message: Message, *, arrived: bool) -> None:
    """Killed between claim and answer; then its claim runs out."""
    dying = activities_for(post.database, Dying(post.senders, arrived=arrived))
    with pytest.raises(Killed):
        await ActivityEnvironment().run(dying.send_message, message.id)
    await post.lapse(message)
