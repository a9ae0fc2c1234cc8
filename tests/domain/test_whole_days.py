"""Dates in rules and audiences are whole days on the campaign's clocks; in terms from before that
they are their first moment, UTC."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.amounts import Traits
from domain.audience import Audience
from domain.campaigns import CampaignTerms, ConversionKind
from domain.rules.operators import Operator, compare

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("seen", "operator", "wanted", "whole", "before"),
    [
        ("2026-12-31T23:00:00-05:00", "$after", "2026-12-31", False, True),
        ("2027-01-01T00:00:00-05:00", "$after", "2026-12-31", True, True),
        ("2026-12-31", "$after", "2026-12-31", False, False),
        ("2027-01-01", "$after", "2026-12-31", True, True),
        ("2026-12-30T23:30:00-05:00", "$before", "2026-12-31", True, False),
        ("2026-12-31T00:00:00-05:00", "$before", "2026-12-31", False, False),
        ("2026-12-31", "$before", "2027-01-01T01:00:00Z", True, True),
        ("2026-12-31T12:00:00Z", "$after", "2026-12-31T11:00:00Z", True, True),
        ("9999-12-31", "$after", "2026-12-31", False, True),
        ("nonsense", "$before", "2026-12-31", False, False),
        (20261231, "$after", "2026-12-30", False, False),
    ],
)
def test_a_date_is_a_whole_day(
    seen: Any, operator: str, wanted: str, whole: bool, before: bool
) -> None:
    assert compare(Operator(operator), seen, (wanted,), NEW_YORK) is whole
    assert compare(Operator(operator), seen, (wanted,)) is before


def test_an_audience_goes_by_the_same_clocks() -> None:
    audience = Audience(metadata={"since": {Operator.BEFORE: ("2026-12-31",)}})
    late = Traits({"since": "2026-12-30T23:30:00-05:00"}, frozenset())
    assert audience.outside(late, NEW_YORK) is None
    assert audience.outside(late) is not None


def test_terms_that_were_stored_before_keep_their_reading() -> None:
    stored = CampaignTerms(conversion=ConversionKind.REDEMPTION).model_dump(mode="json")
    del stored["whole_days"]
    assert CampaignTerms.model_validate(stored).days is None
    new = CampaignTerms.model_validate(stored | {"whole_days": True})
    assert new.days == ZoneInfo("UTC")
