"""Which terms a campaign may have."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.campaigns import CampaignTerms, ConversionKind, Criterion, Limits, Tier
from domain.codes import CodeConfig
from domain.differences import differences
from domain.money import Money
from tests.builders import (
    budget,
    credits,
    every_friend,
    gift_card,
    many_friends,
    points,
    redemption_terms,
    terms,
)


class TestConversion:
    def test_a_custom_event_needs_its_name(self) -> None:
        with pytest.raises(ValidationError, match=r"custom_event\.name is required"):
            CampaignTerms(conversion=ConversionKind.CUSTOM_EVENT)

    def test_a_redemption_has_no_event_name(self) -> None:
        with pytest.raises(ValidationError, match=r"custom_event\.name is required"):
            CampaignTerms(conversion=ConversionKind.REDEMPTION, event_name="first_purchase")

    def test_defaults_are_those_of_the_contract(self) -> None:
        plain = CampaignTerms(conversion=ConversionKind.REDEMPTION)
        assert plain.attribution_window == timedelta(days=30)
        assert plain.hold == timedelta(0)
        assert plain.review == "none"
        assert plain.tiers == ()
        assert plain.limits == Limits(redemptions_per_customer=1)


class TestTiers:
    def test_a_minimum_needs_a_threshold(self) -> None:
        with pytest.raises(ValidationError, match="threshold is required"):
            Tier(id="t", name="t", criterion=Criterion.MIN_UNIQUE_REFEREES, reward=points())

    def test_each_friend_takes_no_threshold(self) -> None:
        with pytest.raises(ValidationError, match="threshold is given only"):
            Tier(
                id="t",
                name="t",
                criterion=Criterion.EACH_UNIQUE_REFEREE,
                threshold=5,
                reward=points(),
            )

    @pytest.mark.parametrize("threshold", [0, -1, 1_000_001])
    def test_a_threshold_is_a_sensible_count(self, threshold: int) -> None:
        with pytest.raises(ValidationError):
            many_friends(threshold)

    def test_two_tiers_cannot_share_an_id(self) -> None:
        with pytest.raises(ValidationError, match="id"):
            terms(every_friend(id="t"), many_friends(5, id="t"))


class TestTime:
    @pytest.mark.parametrize("window", [timedelta(0), timedelta(days=-1)])
    def test_an_attribution_window_is_longer_than_zero(self, window: timedelta) -> None:
        with pytest.raises(ValidationError, match="attribution_window"):
            terms(attribution_window=window)

    def test_a_hold_is_not_negative(self) -> None:
        with pytest.raises(ValidationError, match="hold"):
            terms(hold=timedelta(seconds=-1))

    @pytest.mark.parametrize("member", ["attribution_window", "hold"])
    def test_no_time_is_longer_than_a_calendar(self, member: str) -> None:
        with pytest.raises(ValidationError, match="years"):
            terms(**{member: timedelta(days=3_000_000)})


class TestBudget:
    def test_a_referee_reward_in_another_currency_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="cannot count against a budget in EUR"):
            terms(limits=budget(100_00, "EUR"))

    def test_a_tiers_reward_in_another_currency_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="cannot count against"):
            terms(
                every_friend(credits(5_00, "EUR")),
                referee_reward=gift_card(),
                limits=budget(100_00, "USD"),
            )

    def test_points_count_against_no_budget(self) -> None:
        assert terms(every_friend(points()), limits=budget(100_00)).limits.budget is not None

    def test_without_a_budget_currencies_may_differ(self) -> None:
        assert len(terms(every_friend(credits(5_00, "EUR"))).rewards()) == 2


class TestLeastCost:
    def test_counts_the_referee_and_what_every_friend_earns(self) -> None:
        of = terms(
            every_friend(gift_card(20_00)),
            many_friends(5, gift_card(100_00)),
            referee_reward=gift_card(15_00),
        )
        assert of.least_cost() == 35_00

    def test_points_cost_nothing(self) -> None:
        assert terms(every_friend(points()), referee_reward=None).least_cost() == 0


class TestLimits:
    @pytest.mark.parametrize("given", [{"grants_per_referrer": 0}, {"redemptions_per_customer": 0}])
    def test_a_limit_of_none_at_all_is_refused(self, given: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            Limits(**given)

    def test_a_negative_budget_is_refused(self) -> None:
        with pytest.raises(ValidationError):
            Limits(budget=Money(amount=-1, currency="USD"))


class TestRewards:
    @pytest.mark.parametrize("amount", [0, -1, 10_000_001])
    def test_a_gift_card_has_a_sensible_face_value(self, amount: int) -> None:
        with pytest.raises(ValidationError):
            gift_card(amount)

    def test_points_have_no_face_value(self) -> None:
        assert points().face is None

    def test_an_unknown_kind_is_refused(self) -> None:
        with pytest.raises(ValidationError):
            terms(referee_reward={"kind": "cash", "amount": 1})


class TestStorage:
    @pytest.mark.parametrize(
        "of",
        [
            terms(every_friend(credits()), many_friends(3, points(), repeat=True)),
            redemption_terms(limits=budget(500_00, grants_per_referrer=7)),
            terms(attribution_window=timedelta(hours=36), hold=timedelta(days=14)),
        ],
    )
    def test_terms_read_back_as_they_were_stored(self, of: CampaignTerms) -> None:
        assert CampaignTerms.model_validate(of.model_dump(mode="json")) == of


class TestCodeConfig:
    def test_a_pattern_replaces_the_length(self) -> None:
        assert CodeConfig(pattern="REF-####").template == "REF-####"

    def test_a_length_is_that_many_random_characters(self) -> None:
        assert CodeConfig(length=5, prefix="A-", postfix="-Z").template == "A-#####-Z"

    def test_combinations_count_different_characters_only(self) -> None:
        assert CodeConfig(pattern="X-##", charset="AABB").combinations == 4


def test_a_change_of_a_long_duration_is_told_in_days() -> None:
    (change,) = differences(terms(attribution_window="P365D"), terms(attribution_window="P1Y35D"))
    assert change.words == "attribution window: P365D becomes P400D"
