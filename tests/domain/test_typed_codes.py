"""The code within what somebody pastes."""

from __future__ import annotations

import pytest

from domain.codes import CodeConfig, code_typed
from domain.customers import email_searched


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("REF-1", "REF-1"),
        ("  REF-1\n", "REF-1"),
        ("https://shop.example/r/REF-1", "REF-1"),
        ("https://shop.example/r/REF-1/?utm_source=mail", "REF-1"),
        ("https://shop.example/welcome?utm=x&code=REF-1", "REF-1"),
        ("www.shop.example/r/REF%2D1", "REF-1"),
        ("https://shop.example", "https://shop.example"),
        ("SUMMER 24", "SUMMER 24"),
    ],
)
def test_a_link_holds_a_code(typed: str, code: str) -> None:
    assert code_typed(typed) == code


@pytest.mark.parametrize(
    "pasted",
    [
        " Jane+tag@x.com ",
        "Jane tag@x.com",
        "mailto:Jane+tag@x.com",
        "Jane Doe <Jane+tag@x.com>",
        "\u200bJane+tag@x.com\u00a0",
    ],
)
def test_an_address_is_found_in_what_is_pasted(pasted: str) -> None:
    assert email_searched(pasted) == "Jane+tag@x.com"


def test_letters_of_both_cases_make_no_more_codes() -> None:
    assert CodeConfig(charset="aAbB", pattern="##").combinations == 4
