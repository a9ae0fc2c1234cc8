"""Refusals repeat what a caller said, but nobody's e-mail."""

from __future__ import annotations

import time

import pytest

from domain.discretion import unnamed, unnamed_within
from domain.refusals import InvalidPayload, NotFound


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Cannot find voucher with id 'ana@example.com'.", "'[e-mail]'."),
        ("/metadata/ana+1@example.com: unknown", "/metadata/[e-mail]: unknown"),
        ("ana@host", "[e-mail]"),
        ("@ana@example.com", "[e-mail]"),
        ('{"detail":"\\"zoë@example.com\\""}', '{"detail":"\\"[e-mail]\\""}'),
        ("There must be something before the @-sign.", "before the @-sign."),
        ("Cannot find voucher with id 'SUMMER'.", "'SUMMER'."),
    ],
)
def test_an_e_mail_is_left_out(said: str, told: str) -> None:
    assert unnamed(said).endswith(told)
    assert "ana" not in unnamed(said)


def test_a_document_stays_one() -> None:
    """Of its text a part of an escape would be taken for a part of a word."""
    said = {"errors": [{"parameter": "x\x02|@y", "ana@example.com": None}], "status": 400}
    assert unnamed_within(said) == {
        "errors": [{"parameter": "[e-mail]", "[e-mail]": None}],
        "status": 400,
    }


def test_a_long_text_takes_no_time() -> None:
    began = time.process_time()
    unnamed("a" * 1_000_000 + " @")
    assert time.process_time() - began < 1


def test_no_refusal_quotes_one() -> None:
    """Also where it goes into a history or a row, and not to the API."""
    refusal = NotFound("customer", "ana@example.com")
    assert str(refusal) == refusal.detail == "Cannot find customer with id '[e-mail]'."
    assert refusal.details == {"resource_id": "[e-mail]"}
    assert str(InvalidPayload("'ana@example.com' is no amount.")) == "'[e-mail]' is no amount."
