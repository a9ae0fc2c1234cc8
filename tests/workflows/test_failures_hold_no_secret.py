"""Failures tell where to look and quote nobody: neither in a history nor in a log."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from temporalio.worker import Worker

from activities.lane import ProviderLane
from activities.orders import OrderActivities
from domain.messages import provider_queue
from domain.rewards import Personalization
from providers.giftcard_partners import GiftCardPartners, GiftCardPartnersSettings
from tests.builders import add_customer, alter, conversion, gift_card, points, terms
from tests.workflows.case import Case, eventually
from tests.workflows.histories import readable
from tests.workflows.stage import Stage

SAID = "Zyxqvut wishes Brmblfrd a fine day"


class Told:
    """What a failing test said, by now: a workflow's history, and the process's log."""

    def __init__(
        self, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._caplog, self._capsys = caplog, capsys

    async def of(self, case: Case) -> str:
        printed = self._capsys.readouterr()
        history = readable(await case.handle.fetch_history())
        pending = str((await case.handle.describe()).raw_description)
        return "\n".join([history, pending, self._caplog.text, printed.out, printed.err])


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(caplog, capsys)


async def test_a_failing_statement_keeps_its_values(stage: Stage, told: Told) -> None:
    """PostgreSQL itself quotes the whole row that breaks a constraint."""
    card = gift_card(personalization=Personalization(message=SAID))
    await administer(stage, "ALTER TABLE orders ADD CONSTRAINT none CHECK (false) NOT VALID")
    case = await stage.converted(terms(referee_reward=card, tiers=()))
    await eventually(case.failed_once)
    await administer(stage, "ALTER TABLE orders DROP CONSTRAINT none")
    assert await case.result() == "completed"
    (order,) = await case.orders()
    words = await told.of(case)
    assert "unforeseen IntegrityError" in words
    assert SAID not in words
    assert order.hook_token not in words


async def administer(stage: Stage, statement: str) -> None:
    async with stage.database.transaction() as tx:
        await tx.session.execute(text(statement))


async def test_an_unreadable_document_is_not_quoted_by_a_providers_activity(
    stage: Stage, told: Told
) -> None:
    await stage.simulator.funds(0)
    friend = await add_customer(stage.database, email="zyxqvut@example.com")
    case = await stage.converted(terms(referee_reward=gift_card(), tiers=()), friend)
    grant = await case.parked("insufficient_funds")
    (order,) = await case.orders()
    await alter(stage.database, order, request={"recipient": "zyxqvut@example.com"})
    await case.retry(grant.id)
    await eventually(case.failed_once)
    words = await told.of(case)
    assert "unforeseen ValidationError" in words
    assert "zyxqvut" not in words


async def test_an_unreadable_document_is_not_quoted_by_a_local_activity(
    stage: Stage, told: Told
) -> None:
    case = await stage.signed_up(terms(referee_reward=points(), tiers=()))
    await stage.accept(conversion(case.referee_id))
    referral = await case.referral()
    assert referral.conversion is not None
    broken = referral.conversion | {"received_at": "zyxqvut@example.com"}
    await alter(stage.database, referral, conversion=broken)
    await case.skip(days=30, seconds=2)
    await case.postponed()
    words = await told.of(case)
    assert "unforeseen ValidationError" in words
    assert "record.postponed" in words
    assert "zyxqvut" not in words
    await alter(stage.database, referral, conversion=referral.conversion)
    await case.skip(seconds=10)
    assert await case.result() == "completed"


async def test_a_failures_cause_is_not_quoted_either(stage: Stage, told: Told) -> None:
    """A token read from a file that ends in a newline: the HTTP library quotes it."""
    section = GiftCardPartnersSettings(
        url=f"{stage.simulator.url}/giftcard-partners",
        email=SecretStr("buyer@example.com"),
        access_token=SecretStr("zyxqvut-secret\n"),
    )
    provider = GiftCardPartners(section, within=1)
    provider.name = "quoting"
    settings = stage.settings
    lane = ProviderLane(
        stage.database, provider, stage.vault, settings.timing, settings.pace, settings.hooks
    )
    activities = [OrderActivities(lane).place_order]
    async with Worker(stage.client, task_queue=provider_queue("quoting"), activities=activities):
        card = gift_card(provider="quoting")
        case = await stage.converted(terms(referee_reward=card, tiers=()))
        await eventually(case.failed_once)
        words = await told.of(case)
    await provider.close()
    assert "the connection broke" in words
    assert "zyxqvut" not in words


async def test_the_log_names_the_line_of_ours_that_failed(stage: Stage, told: Told) -> None:
    await stage.simulator.funds(0)
    case = await stage.converted(terms(referee_reward=gift_card(), tiers=()))
    grant = await case.parked("insufficient_funds")
    (order,) = await case.orders()
    await alter(stage.database, order, request={})
    await case.retry(grant.id)
    await eventually(case.failed_once)
    words = await told.of(case)
    assert "activity.unforeseen" in words
    assert "store/orders/attempts.py" in words
