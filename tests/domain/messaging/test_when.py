"""When a message is sent, to whom, and whether it still holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.messaging.channels import Channel
from domain.messaging.distributions import About, Distribution, recipient, subject_of
from domain.messaging.quiet_hours import QuietHours
from domain.messaging.sending import Follows, MessageStatus, Result, follows
from domain.messaging.triggers import Trigger, event_type
from domain.messaging.undoing import Standing, undone
from domain.messaging.unsubscribe import Reader, read_token, token_of

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def distribution(**changes: Any) -> Distribution:
    given = {"name": "x", "trigger": "grant.created", "channel": "email", "template": "x"}
    return Distribution.model_validate(given | changes)


NIGHT = {"from": "21:00", "to": "08:00", "time_zone": "UTC"}


@pytest.mark.parametrize(
    ("at", "zone", "sent"),
    [
        ("2026-12-01T12:00Z", None, "2026-12-01T12:00Z"),
        ("2026-12-01T22:00Z", None, "2026-12-02T08:00Z"),
        ("2026-12-02T07:59Z", None, "2026-12-02T08:00Z"),
        ("2026-12-02T08:00Z", None, "2026-12-02T08:00Z"),
        # Noon in London is seven in New York, and night in Tokyo.
        ("2026-12-01T12:00Z", "America/New_York", "2026-12-01T13:00Z"),
        ("2026-12-01T12:00Z", "Asia/Tokyo", "2026-12-01T23:00Z"),
        ("2026-12-01T12:00Z", "Nowhere/Land", "2026-12-01T12:00Z"),
    ],
)
def test_nothing_is_sent_in_the_quiet_hours_of_the_persons_own_zone(
    at: str, zone: str | None, sent: str
) -> None:
    plan = distribution(quiet_hours=NIGHT)
    due = plan.due(datetime.fromisoformat(at), {"timezone": zone} if zone else {})
    assert due == datetime.fromisoformat(sent)


def test_quiet_hours_end_in_the_future_on_the_night_that_clocks_change() -> None:
    hours = QuietHours.model_validate(
        {"from": "22:00", "to": "02:30", "time_zone": "Europe/Berlin"}
    )
    plan = distribution(quiet_hours=hours)
    for day in (datetime(2026, 3, 28, 21, tzinfo=UTC), datetime(2026, 10, 24, 20, tzinfo=UTC)):
        for minutes in range(0, 360, 10):
            at = day + timedelta(minutes=minutes)
            assert at <= plan.due(at, {}) <= at + timedelta(hours=6)


def test_the_delay_comes_before_the_quiet_hours() -> None:
    plan = distribution(quiet_hours=NIGHT, delay="P1DT10H")
    assert plan.due(NOON, {}) == datetime(2026, 12, 3, 8, tzinfo=UTC)


def about(**changes: Any) -> About:
    given: dict[str, Any] = {
        "type": "referral.attributed",
        "event_id": "evt_1",
        "customer_id": "friend",
        "referrer_id": "referrer",
        "referee_id": "friend",
        "referral_id": "ref_1",
    }
    return About(**given | changes)


def test_the_role_says_which_side_of_a_referral_is_told() -> None:
    assert recipient(about(), "referrer") == "referrer"
    assert recipient(about(), "referee") == "friend"
    assert recipient(about(), None) == "friend"


def test_a_reward_is_announced_to_its_recipient_alone() -> None:
    granted = about(grant_id="gr_1", grant_role="referrer", customer_id="referrer")
    assert recipient(granted, None) == recipient(granted, "referrer") == "referrer"
    assert recipient(granted, "referee") is None
    assert subject_of(granted) == "gr_1"


def test_a_code_is_announced_to_whoever_was_given_it() -> None:
    given = about(referral_id=None, publication_id="pub_1", referrer_id=None, referee_id=None)
    assert recipient(given, "referrer") == recipient(given, None) == "friend"
    assert recipient(given, "referee") is None
    assert subject_of(given) == "pub_1"


@pytest.mark.parametrize(
    ("trigger", "now", "holds"),
    [
        ("grant.created", Standing(grant="held"), True),
        ("grant.created", Standing(grant="cancelled"), False),
        ("grant.created", Standing(grant="held", taken_back=True), False),
        ("grant.created", Standing(grant="delivered"), False),
        ("grant.delivered", Standing(grant="delivered"), True),
        ("grant.delivered", Standing(grant="delivered", taken_back=True), False),
        ("grant.delivered", Standing(grant="needs_attention"), False),
        ("grant.cancelled", Standing(grant="cancelled"), True),
        ("grant.cancelled", Standing(grant="held"), False),
        (
            "grant.recipient_incomplete",
            Standing(grant="needs_attention", attention="recipient_incomplete"),
            True,
        ),
        ("grant.recipient_incomplete", Standing(grant="ordered"), False),
        ("card_unclaimed", Standing(grant="delivered", redemption="unredeemed"), True),
        ("card_unclaimed", Standing(grant="delivered", redemption="redeemed"), False),
        ("card_unclaimed", Standing(grant="delivered", redemption="unknown"), False),
        ("referral.attributed", Standing(referral="waiting"), True),
        ("referral.attributed", Standing(referral="rejected"), False),
        ("referral.attributed", Standing(referral="completed", referral_undone=True), False),
        ("referral.rejected", Standing(referral="rejected"), True),
        ("code_published", Standing(code_usable=False), False),
        ("code_published", Standing(code_usable=True), True),
        ("tier_near", Standing(referral="completed", friends_missing=1), True),
        ("tier_near", Standing(referral="completed", friends_missing=2), False),
        ("tier_near", Standing(referral="completed", friends_missing=None), False),
    ],
)
def test_a_message_is_cancelled_when_what_it_announces_was_undone(
    trigger: str, now: Standing, holds: bool
) -> None:
    assert (undone(trigger, now) is None) is holds


@pytest.mark.parametrize(
    ("result", "repeatable", "status"),
    [
        (Result.ACCEPTED, False, MessageStatus.SENT),
        (Result.NOT_SENT, False, MessageStatus.WAITING),
        (Result.REFUSED, True, MessageStatus.BOUNCED),
        (Result.NO_SUCH_ADDRESS, True, MessageStatus.BOUNCED),
        (Result.UNKNOWN, False, MessageStatus.DOUBTFUL),
        (Result.UNKNOWN, True, MessageStatus.WAITING),
    ],
)
def test_only_what_certainly_was_not_sent_or_may_be_repeated_is_sent_again(
    result: Result, repeatable: bool, status: MessageStatus
) -> None:
    then = follows(result, repeatable=repeatable, attempt=1, due_at=NOON, now=NOON)
    assert then.status is status
    assert (then.at is not None) is (status is MessageStatus.WAITING)


def test_what_could_not_be_sent_for_three_days_is_given_up_and_shown() -> None:
    late = NOON + timedelta(days=3)
    given_up = follows(Result.NOT_SENT, repeatable=False, attempt=9, due_at=NOON, now=late)
    unsure = follows(Result.UNKNOWN, repeatable=True, attempt=9, due_at=NOON, now=late)
    assert given_up == Follows(MessageStatus.CANCELLED)
    assert unsure == Follows(MessageStatus.DOUBTFUL)


def test_a_trigger_is_an_events_type_or_one_of_our_words() -> None:
    triggers: TypeAdapter[str] = TypeAdapter(Trigger)
    assert triggers.validate_python("code published") == "code_published"
    assert event_type("code_published") == "publication.created"
    assert event_type("lane.stopped") == "lane.stopped"
    for wrong in ("anything", "message.sent", "grant.*", "Grant.Created", ""):
        with pytest.raises(ValidationError):
            triggers.validate_python(wrong)


def test_an_alarm_has_no_audience() -> None:
    assert distribution(channel=Channel.ALARM).channel is Channel.ALARM
    with pytest.raises(ValidationError, match="an alarm goes to the staff"):
        distribution(channel=Channel.ALARM, audience={"role": "referrer"})


def test_an_unsubscribe_address_is_good_for_its_own_person_and_channel_only() -> None:
    key, other = b"k" * 32, b"o" * 32
    token = token_of(Reader("cust_1", Channel.EMAIL), key)
    assert read_token(token, key) == Reader("cust_1", Channel.EMAIL)
    assert read_token(token, other) is None
    assert read_token(token.replace("cust_1", "cust_2"), key) is None
    assert read_token(token.replace("email", "sms"), key) is None
    assert read_token("nonsense", key) is None
    assert read_token(token + "é", key) is None
