"""Who might be the same person."""

from __future__ import annotations

import pytest

from domain.customers import Address
from domain.identity import Marks, is_disposable, marks_of, same_address, same_mailbox, same_phone


class TestMailboxes:
    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            ("Bob@Example.com", "bob@example.com", True),
            ("bob+one@example.com", "bob+two@example.com", True),
            ("b.o.b@gmail.com", "bob@gmail.com", True),
            ("b.ob+x@googlemail.com", "Bob@GMAIL.com", True),
            ("b.ob@example.com", "bob@example.com", False),
            ("bob@example.com", "bob@example.org", False),
            ("+tag@example.com", "+other@example.com", False),
            ("bob@straße.de", "bob@strasse.de", False),
            ("bob@STRAẞE.de", "bob@straße.de", True),
        ],
    )
    def test_the_same_or_not(self, one: str, other: str, same: bool) -> None:
        assert (same_mailbox(one) == same_mailbox(other)) is same

    @pytest.mark.parametrize(
        ("email", "expected"),
        [
            ("bob@mailinator.com", True),
            ("bob@inbox.mailinator.com", True),
            ("bob@MAILINATOR.com", True),
            ("bob@example.com", False),
            ("bob@gmail.com", False),
        ],
    )
    def test_throw_away_mailboxes(self, email: str, expected: bool) -> None:
        assert is_disposable(email) is expected


class TestPhones:
    @pytest.mark.parametrize(
        ("one", "other", "same"),
        [
            (("+1 (217) 555-0100", None), ("+12175550100", None), True),
            (("217-555-0100", "US"), ("+12175550100", "DE"), True),
            (("030 1234567", "DE"), ("+49 30 1234567", None), True),
            (("030 1234567", "Germany"), ("0301234567", None), True),
            (("+12175550100", None), ("+12175550101", None), False),
        ],
    )
    def test_the_same_or_not(
        self, one: tuple[str, str | None], other: tuple[str, str | None], same: bool
    ) -> None:
        assert (same_phone(*one) == same_phone(*other)) is same

    def test_a_few_digits_tell_nobody_apart(self) -> None:
        assert same_phone("12345", None) is None


class TestAddresses:
    def test_spelling_does_not_matter(self) -> None:
        one = Address(line_1="12, Főút.", postal_code="1011", country="HU")
        other = Address(line_1="12 fout", postal_code="10 11", country="hu", city="Budapest")
        assert same_address(one) == same_address(other)

    def test_another_flat_is_another_household(self) -> None:
        one = Address(line_1="Main St 1", line_2="Flat 1", postal_code="1")
        assert same_address(one) != same_address(one.model_copy(update={"line_2": "Flat 2"}))

    def test_a_city_is_no_household(self) -> None:
        assert same_address(Address(city="Springfield", postal_code="62701")) is None


class TestMarks:
    def test_marks_are_hashes(self) -> None:
        marks = marks_of("bob@example.com", "+12175550100", Address(line_1="A 1", city="B"))
        assert all(mark and len(mark) == 32 for mark in marks)

    def test_unknown_is_no_mark(self) -> None:
        assert marks_of(None, None, None) == Marks()

    def test_the_same_text_as_phone_and_as_mail_is_not_the_same_mark(self) -> None:
        marks = marks_of("123456", "123456", None)
        assert marks.email != marks.phone
