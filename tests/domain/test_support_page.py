"""The page that support works by names everything that it can meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.grants import Attention, GrantStatus
from domain.staff import MEANING, Action

PAGE = (Path(__file__).parents[2] / "docs" / "support.md").read_text()


@pytest.mark.parametrize("reason", Attention)
def test_each_reason_has_a_way_out(reason: Attention) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{reason}` |")]
    assert len([cell for cell in row.split("|") if cell.strip()]) == 3


@pytest.mark.parametrize("status", sorted(set(GrantStatus) - {GrantStatus.FAILED}))
def test_each_state_has_words_for_the_customer(status: GrantStatus) -> None:
    assert f"| `{status}` |" in PAGE


@pytest.mark.parametrize("action", Action)
def test_each_action_is_explained_and_shown(action: Action) -> None:
    assert f"`{action}`" in PAGE
    assert f"/{action}" in PAGE
    assert MEANING[action].endswith(".")
