"""What a gift-card provider sells, and whether a reward is among it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from pydantic import BaseModel

from domain.money import Money
from domain.rewards import Delivery, GiftCard

_NEAREST = 3
_LIKENESS = 0.4


class Product(BaseModel):
    """A product that can be ordered: fixed values, or any value in a range; neither means any
    value. A product in several currencies is listed once for each."""

    id: str
    name: str
    currency: str
    fixed: tuple[Money, ...] = ()
    smallest: Money | None = None
    largest: Money | None = None
    deliveries: frozenset[Delivery]


class Misfit(NamedTuple):
    """What a provider does not offer. `member`: JSON Pointer within the reward; `detail`: the way
    out, in words."""

    member: str
    detail: str


def misfit(card: GiftCard, catalogue: Sequence[Product]) -> Misfit | None:
    """The first member of the card that its provider's catalogue does not allow; None if all are
    allowed."""
    named = [product for product in catalogue if product.id == card.product_id]
    if not named:
        return Misfit("/product_id", _unknown(card, catalogue))
    priced = [product for product in named if product.currency == card.currency]
    if not priced:
        listed = ", ".join(sorted(product.currency for product in named))
        return Misfit("/currency", f"{_title(named[0])} is sold in {listed}.")
    (product, *_) = priced
    if card.delivery not in product.deliveries:
        ways = ", ".join(sorted(product.deliveries)) or "no way that Guerdon knows"
        return Misfit("/delivery", f"{_title(product)} is delivered by {ways}.")
    for member, amount in _amounts(card):
        if not _sells(product, amount):
            return Misfit(member, f"{_title(product)} is sold for {_values(product, amount)}.")
    return None


def product_for(card: GiftCard, catalogue: Iterable[Product]) -> Product | None:
    """The card's product; None if the catalogue does not list it."""
    named = (one for one in catalogue if (one.id, one.currency) == (card.product_id, card.currency))
    return next(named, None)


def smallest_card(product: Product) -> Money | None:
    """The smallest value of the product; None: any."""
    if product.fixed:
        return min(product.fixed, key=lambda value: value.amount)
    return product.smallest


def has_fixed_values(card: GiftCard, catalogue: Iterable[Product]) -> bool:
    """Whether the card is sold in certain values only."""
    return any(
        product.fixed
        for product in catalogue
        if (product.id, product.currency) == (card.product_id, card.currency)
    )


def _title(product: Product) -> str:
    return f"{product.name} ({product.id})"


def _unknown(card: GiftCard, catalogue: Sequence[Product]) -> str:
    """The products whose id or name is most similar to the requested one."""
    words = {word: product for product in catalogue for word in (product.id, product.name)}
    by_case = {word.casefold(): word for word in words}
    like = get_close_matches(card.product_id.casefold(), by_case, 2 * _NEAREST, _LIKENESS)
    near = list(dict.fromkeys(_title(words[by_case[word]]) for word in like))
    way_out = f" Nearest: {', '.join(near[:_NEAREST])}." if near else ""
    return f"{card.provider} does not offer {card.product_id!r}.{way_out}"


def _amounts(card: GiftCard) -> Iterator[tuple[str, Money]]:
    yield "/amount", card.face
    for value, amount in card.amount_by.values.items() if card.amount_by else ():
        escaped = value.replace("~", "~0").replace("/", "~1")
        yield f"/amount_by/values/{escaped}", Money(amount=amount, currency=card.currency)


def _sells(product: Product, face: Money) -> bool:
    if product.fixed:
        return face in product.fixed
    too_little = product.smallest is not None and face.amount < product.smallest.amount
    too_much = product.largest is not None and face.amount > product.largest.amount
    return not too_little and not too_much


def _values(product: Product, face: Money) -> str:
    """The fixed values nearest to the requested one, or the range."""
    if product.fixed:
        near = sorted(product.fixed, key=lambda value: abs(value.amount - face.amount))
        listed = sorted(near[:_NEAREST], key=lambda value: value.amount)
        return ", ".join(map(str, listed)) + (" and others" if len(near) > _NEAREST else "")
    if product.smallest and product.largest:
        return f"{product.smallest} to {product.largest}"
    return f"{product.smallest} or more" if product.smallest else f"{product.largest} or less"
