"""Gift-card orders: keys, three status axes, and a provider's answer."""

from __future__ import annotations

import hmac
import json
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict

from domain.adverse_words import adverse_word
from domain.grants import GrantIdentity
from domain.json_text import storable
from domain.money import Money
from domain.rewards import Delivery, Personalization


class OrderState(StrEnum):
    """Whether a card with value exists at the provider."""

    PREPARED = "prepared"
    """Written down here; no byte has been sent."""
    UNKNOWN = "unknown"
    """Sent, outcome unknown. Not a failure."""
    PENDING = "pending"
    """The provider has it and is working."""
    ISSUED = "issued"
    """The card exists."""
    FAILED = "failed"
    """Certainly no value, now and later, under this key."""
    CANCELLED = "cancelled"
    """Value was withdrawn."""


class DeliveryState(StrEnum):
    """Whether it reached the recipient."""

    NOT_APPLICABLE = "not_applicable"
    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED_RETRYABLE = "failed_retryable"
    FAILED_PERMANENT = "failed_permanent"


class RedemptionState(StrEnum):
    """Whether the recipient used it."""

    UNKNOWN = "unknown"
    UNREDEEMED = "unredeemed"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FLAGGED = "flagged"


_STATE_RANK = {
    OrderState.PREPARED: 0,
    OrderState.UNKNOWN: 1,
    OrderState.PENDING: 2,
    OrderState.ISSUED: 3,
    OrderState.FAILED: 4,
    OrderState.CANCELLED: 4,
}
_DELIVERY_RANK = {
    DeliveryState.PENDING: 0,
    DeliveryState.NOT_APPLICABLE: 1,
    DeliveryState.SENT: 1,
    DeliveryState.DELIVERED: 2,
    DeliveryState.FAILED_RETRYABLE: 2,
    DeliveryState.FAILED_PERMANENT: 3,
}
_REDEMPTION_RANK = {
    RedemptionState.UNKNOWN: 0,
    RedemptionState.UNREDEEMED: 1,
    RedemptionState.REDEEMED: 2,
    RedemptionState.EXPIRED: 2,
    RedemptionState.CANCELLED: 3,
    RedemptionState.FLAGGED: 3,
}
ENDED = frozenset({OrderState.FAILED, OrderState.CANCELLED})
"""A recorded, definite, terminal refusal: the only reason for a new generation."""


def forward_state(old: OrderState, new: OrderState) -> OrderState:
    """States only move forward: a late or reordered answer never reverts one."""
    return new if _STATE_RANK[new] > _STATE_RANK[old] else old


def forward_delivery(old: DeliveryState, new: DeliveryState) -> DeliveryState:
    """Like `forward_state`; a resend may turn a failure into a delivery."""
    if old is DeliveryState.FAILED_RETRYABLE and new is DeliveryState.DELIVERED:
        return new
    return new if _DELIVERY_RANK[new] > _DELIVERY_RANK[old] else old


def forward_redemption(old: RedemptionState, new: RedemptionState) -> RedemptionState:
    """Like `forward_state`: evidence against a card is never cleared by a later look."""
    return new if _REDEMPTION_RANK[new] > _REDEMPTION_RANK[old] else old


class Named(NamedTuple):
    """A person as callers name them, so that a restored database recognises them.

    The `source_id`, and how often its owner was erased before (a new owner is another person); our
    own id if there is no `source_id`."""

    source_id: str | None
    erased: int
    id: str

    @property
    def name(self) -> list[str | int]:
        return ["ours", self.id] if self.source_id is None else [self.source_id, self.erased]


class Promise(NamedTuple):
    """What a grant promises, in values that survive a restore of the database.

    `of`: the friend, for a reward per friend; else the milestone's number."""

    campaign_id: str
    reason: str
    recipient: Named
    of: Named | int

    def key_stem(self, secret: bytes) -> str:
        """The prefix of all order keys of the grant. Frozen when the grant is made."""
        of = self.of.name if isinstance(self.of, Named) else self.of
        parts = [self.campaign_id, self.reason, self.recipient.name, of]
        digest = hmac.digest(secret, json.dumps(parts).encode(), "sha256")
        return f"gd{digest[:16].hex()}"


def key_stem(grant: GrantIdentity) -> str:
    """The same for grants that were made before stems were frozen."""
    parts = [*grant[:4], *(["milestone"] if grant.milestone else [])]
    return f"gd{blake2b('|'.join(map(str, parts)).encode(), digest_size=16).hexdigest()}"


def order_key(stem: str, generation: int) -> str:
    """Our idempotency key at the provider.

    At most 40 lower-case alphanumerics, which fits every known provider (gift-card-providers.md
    §9.4). A new generation follows only a recorded, terminal refusal, so no retry, deployment or
    restored backup can order one grant under two live keys."""
    return f"{stem}g{generation}"


class Recipient(BaseModel):
    """Where the card goes, frozen with the order. Personal data: database only."""

    model_config = ConfigDict(frozen=True)

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    address: dict[str, Any] | None = None


class OrderRequest(BaseModel):
    """One purchase, frozen before the first byte is sent. `face` is the card's value."""

    model_config = ConfigDict(frozen=True)

    key: str
    product_id: str
    face: Money
    delivery: Delivery
    recipient: Recipient
    personalization: Personalization
    callback_url: str | None = None

    def fingerprint(self) -> str:
        """A hash of what is ordered. Leaves out the callback address, which may change."""
        return _digest(self.model_dump_json(exclude={"callback_url"}))

    def is_as_frozen(self, fingerprint: str) -> bool:
        """Whether a request read from its row is what was frozen under that fingerprint. Fields
        that this model gained later are not in the row, and are ignored."""
        return _digest(self.model_dump_json(exclude={"callback_url"}, exclude_unset=True)) == (
            fingerprint
        )


def _digest(body: str) -> str:
    return blake2b(body.encode(), digest_size=16).hexdigest()


class ClaimSecret(BaseModel):
    """Bearer value: whoever has the link has the money. Stored encrypted, never logged."""

    link: str
    challenge_answer: str | None = None

    def __repr__(self) -> str:
        return "ClaimSecret(…)"

    __str__ = __repr__


_Kept = Annotated[str, AfterValidator(storable)]


class OrderSnapshot(BaseModel):
    """A provider's view of one order, in our terms. `raw_status` is its own word."""

    provider_order_id: _Kept
    key: _Kept | None
    state: OrderState
    delivery: DeliveryState
    redemption: RedemptionState = RedemptionState.UNKNOWN
    raw_status: _Kept
    face: Money | None = None
    product_id: _Kept | None = None
    """The product of the card; None if the provider does not show it."""
    charged: Money | None = None
    raw_charge: str | None = None
    """The provider's own figure, in major units, if `charged` had to be rounded."""
    created_at: datetime | None = None
    secret: ClaimSecret | None = None
    awaits_funds: bool = False
    """The provider accepted the order and sends it once our deposit is funded: nothing to
    repeat."""
    recognised: bool = True
    """False for an unknown status word: it counts as pending, and is reported."""

    @property
    def adverse(self) -> str | None:
        """An adverse word that the adapter does not know."""
        return None if self.recognised else adverse_word(self.raw_status)


def poll_interval(age: timedelta, first: timedelta, longest: timedelta) -> timedelta:
    """How long until an order of this age is polled again. Exponential in its age, so that no
    counter has to be stored."""
    return max(first, min(age / 2, longest))
