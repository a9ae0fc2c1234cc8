"""What staff read of an action says what it can do for this card, at this provider."""

from __future__ import annotations

import pytest

from domain.grants import GrantStatus
from domain.orders import OrderState
from domain.rewards import Delivery
from domain.staff import Action, GrantSnapshot, meaning

MAILED = GrantSnapshot(GrantStatus.DELIVERED, order=OrderState.ISSUED, delivery=Delivery.EMAIL)


def test_a_corrected_address_is_offered_where_one_can_be_reached() -> None:
    assert "corrected address" in meaning(Action.RESEND, MAILED)


@pytest.mark.parametrize("changes", [{"reaches_elsewhere": False}, {"delivery": Delivery.SMS}])
def test_no_action_is_offered_where_none_is_possible(changes: dict[str, object]) -> None:
    words = meaning(Action.RESEND, MAILED._replace(**changes))
    assert "address" not in words
    assert words.endswith(".")
