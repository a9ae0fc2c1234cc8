"""Money and days, as people of a language write them."""

from __future__ import annotations

from datetime import date

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from domain.money import POINTS, Money


def _locale(language: str) -> Locale:
    tag = language
    while tag:
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            tag = tag.rpartition("-")[0]
    return Locale("en")


def amount_words(amount: int, unit: str | None, language: str) -> str:
    """`$15.00`, `15,00 €`; of points the bare number, `1,500`. `amount`: minor units or points."""
    locale = _locale(language)
    if unit is None or unit == POINTS:
        return str(format_decimal(amount, locale=locale))
    major = Money(amount=amount, currency=unit).to_major()
    return str(format_currency(major, unit, locale=locale))


def day_words(day: date, language: str) -> str:
    """`December 24, 2026`, `24. Dezember 2026`."""
    return str(format_date(day, format="long", locale=_locale(language)))
