"""What makes a distribution send: an event's type, or a word for what no single event says."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from domain.events.catalogue import EVENT_TYPES

CODE_PUBLISHED = "code_published"
TIER_NEAR = "tier_near"
"""A conversion has left the referrer one friend short of the next tier."""
CARD_UNCLAIMED = "card_unclaimed"
"""A gift card was delivered, and its provider says that nobody has used it. With a delay."""

_BEHIND = {
    CODE_PUBLISHED: "publication.created",
    TIER_NEAR: "referral.qualified",
    CARD_UNCLAIMED: "grant.delivered",
}
WORDS = frozenset(_BEHIND)
"""Triggers that are no event's type. None contains a dot, so none can become one."""
_OURS = "message."


def _spelled(value: object) -> object:
    """`code published`, as people write it, is `code_published`."""
    return value.strip().replace(" ", "_") if isinstance(value, str) else value


def _possible(value: str) -> str:
    if value not in WORDS and value not in EVENT_TYPES:
        raise ValueError(
            f"{value!r} is no type of event: GET /v1/event-types lists them all. Or give one of "
            f"{_LISTED}"
        )
    if value.startswith(_OURS):
        raise ValueError("a message about messages would never end")
    return value


_LISTED = ", ".join(sorted(WORDS))
Trigger = Annotated[
    str,
    BeforeValidator(_spelled),
    StringConstraints(max_length=100, pattern=r"^[a-z_]+(\.[a-z_]+)*$"),
    AfterValidator(_possible),
]


def event_type(trigger: str) -> str:
    """The type of the events that the trigger is about."""
    return _BEHIND.get(trigger, trigger)
