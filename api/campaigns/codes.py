"""The parts of a body about a campaign's codes, and about disabling them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from api.http.fields import MAX_MINOR, Strict, with_examples
from domain.discounts import AmountOff, FixedAmount, PercentOff, UnitsOff, Whole
from store.codes.pool import MAX_CODES

LAST_DAY = (
    "A day such as 2026-12-31 ends with that day, on the clocks of the campaign's `timezone`."
)


def _unreserved(text: str) -> str:
    """Codes are used in links and paths without escaping."""
    if not re.fullmatch(r"[A-Za-z0-9._~#-]*", text):
        raise ValueError("may hold letters, digits, and - . _ ~ only")
    return text


def _no_hash(text: str) -> str:
    if "#" in text:
        raise ValueError("# stands for a random character, and only in a pattern")
    return text


CodeText = Annotated[str, AfterValidator(_unreserved)]
FixedText = Annotated[CodeText, AfterValidator(_no_hash)]


class CodeConfigIn(Strict):
    """How codes look; each # of `pattern` becomes a random character of `charset`."""

    length: int | None = Field(default=None, ge=4, le=64)
    charset: Annotated[FixedText, Field(min_length=2, max_length=128)] | None = None
    prefix: Annotated[FixedText, Field(max_length=32)] | None = None
    postfix: Annotated[FixedText, Field(max_length=32)] | None = None
    pattern: Annotated[CodeText, Field(max_length=64)] | None = Field(
        default=None, examples=["REF-########"]
    )
    initial_count: int | None = Field(default=None, ge=0, le=MAX_CODES)


class AmountOffIn(Strict, AmountOff):
    """A fixed sum off the order, minor units."""

    type: Literal["AMOUNT"]
    amount_off: Whole = Field(gt=0, le=MAX_MINOR)
    effect: Literal["APPLY_TO_ORDER"] = "APPLY_TO_ORDER"


class PercentOffIn(Strict, PercentOff):
    """A share off the order, at most `amount_limit` minor units."""

    type: Literal["PERCENT"]
    amount_limit: Annotated[Whole, Field(gt=0, le=MAX_MINOR)] | None = None
    effect: Literal["APPLY_TO_ORDER"] = "APPLY_TO_ORDER"


class FixedAmountIn(Strict, FixedAmount):
    """The order costs this much, minor units, if it came to more."""

    type: Literal["FIXED"]
    fixed_amount: Whole = Field(ge=0, le=MAX_MINOR)
    effect: Literal["APPLY_TO_ORDER"] = "APPLY_TO_ORDER"


class UnitsOffIn(Strict, UnitsOff):
    """So many units of a product are free; `unit_type` is the product's id in the order's items."""

    type: Literal["UNIT"]
    unit_off: Whole = Field(gt=0, le=1_000_000)
    effect: Literal["ADD_MISSING_ITEMS"] = "ADD_MISSING_ITEMS"


DiscountIn = Annotated[
    AmountOffIn | PercentOffIn | FixedAmountIn | UnitsOffIn, Field(discriminator="type")
]


class UsesIn(Strict):
    """How often one code may be used; null: without limit."""

    quantity: int | None = Field(default=None, ge=1, le=1_000_000_000)


class VoucherIn(Strict):
    """The codes of the campaign, and the discount that they give."""

    type: Literal["DISCOUNT_VOUCHER"] = "DISCOUNT_VOUCHER"
    discount: DiscountIn | None = None
    redemption: UsesIn = UsesIn()
    code_config: CodeConfigIn = CodeConfigIn()
    is_referral_code: Literal[True] = True

    def lay(self, document: dict[str, Any]) -> None:
        """Replace the members of a campaign's terms that are given here."""
        if self.discount:
            document["discount"] = self.discount.model_dump(exclude={"effect"})
        if self.redemption.quantity:
            document["code_quantity"] = self.redemption.quantity
        config = self.code_config.model_dump(exclude_none=True, exclude={"initial_count"})
        document["code_config"] = dict(document.get("code_config", ())) | config


class DisableIn(Strict):
    """What becomes of rewards that are on hold, or not ordered yet."""

    model_config = with_examples({"grants": "stop"})

    grants: Literal["finish", "stop"] | None = Field(
        default=None,
        description="finish: they are given all the same; stop: none is given until it is enabled "
        "again. Left out: as it was, and finish at first.",
    )

    @property
    def stop(self) -> bool | None:
        """Whether rewards are stopped; None: unchanged."""
        return None if self.grants is None else self.grants == "stop"


class DisableCodeIn(DisableIn):
    """The same, and what becomes of conversions that the code holds."""

    held: Literal["keep", "reject"] = Field(
        default="keep",
        description="keep: they are judged once the code is enabled; reject: they end, and rewards "
        "that were stopped are cancelled.",
    )


class EndIn(Strict):
    """What becomes of conversions that were held while the campaign was paused."""

    model_config = with_examples({"held": "judge"})

    held: Literal["judge", "reject"] = Field(
        description="judge: by the time at which each was received; reject: none counts, and "
        "rewards that were stopped are cancelled."
    )
