"""What a failing SQL statement tells: its text and its reason, never the values."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from builders import gift_card, terms
from sqlalchemy import text
from stage import Case, Stage, eventually

from domain.rewards import Personalization

MESSAGE = "Zyxqvut wishes Brmblfrd a fine day"


def readable(document: Any) -> str:
    """A history's JSON as one text, every payload decoded."""
    match document:
        case {"metadata": _, "data": str(data)}:
            return base64.b64decode(data).decode()
        case dict():
            return " ".join(map(readable, document.values()))
        case list():
            return " ".join(map(readable, document))
        case _:
            return str(document)


async def failed_once(case: Case) -> bool:
    """Has an activity of this workflow failed?"""
    pending = (await case.handle.describe()).raw_description.pending_activities
    return any(activity.HasField("last_failure") for activity in pending)


async def test_its_values_reach_neither_history_nor_log(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    card = gift_card(personalization=Personalization(message=MESSAGE))
    async with stage.database.transaction() as tx:
        # Readers go on, writers do not: the order's INSERT runs into the lock time-out.
        await tx.session.execute(text("LOCK TABLE orders IN SHARE MODE"))
        case = await stage.converted(terms(referee_reward=card, tiers=()))
        await eventually(lambda: failed_once(case))
    assert await case.result() == "completed"
    (order,) = await case.orders()
    history = readable(json.loads((await case.handle.fetch_history()).to_json()))
    assert "INSERT INTO orders" in history
    for told in (history, caplog.text):
        assert MESSAGE not in told
        assert order.hook_token not in told
