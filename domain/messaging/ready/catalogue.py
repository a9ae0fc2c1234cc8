"""The ready templates, each with the distribution that it is meant for."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from domain.messaging.channels import Channel
from domain.messaging.ready import english
from domain.messaging.ready.layout import Words, page
from domain.messaging.templates import Template
from domain.messaging.triggers import CARD_UNCLAIMED, CODE_PUBLISHED, TIER_NEAR


class Ready(NamedTuple):
    """`role`: of the person in the referral; None: whoever it is about."""

    template: Template
    trigger: str
    role: str | None = None
    delay: timedelta = timedelta(0)
    marketing: bool = False


def _template(name: str, words: Words) -> Template:
    subject, mjml = words.subject, page(words)
    return Template(name=name, channel=Channel.EMAIL, language="en", subject=subject, mjml=mjml)


READY: tuple[Ready, ...] = (
    Ready(
        _template("invitation", english.INVITATION),
        CODE_PUBLISHED,
        marketing=True,
    ),
    Ready(
        _template("friend joined", english.FRIEND_JOINED),
        "referral.attributed",
        role="referrer",
    ),
    Ready(
        _template("reward on its way", english.REWARD_COMING),
        "grant.created",
    ),
    Ready(_template("reward here", english.REWARD_HERE), "grant.delivered"),
    Ready(
        _template("address needed", english.ADDRESS_NEEDED),
        "grant.recipient_incomplete",
    ),
    Ready(
        _template("reward withdrawn", english.REWARD_WITHDRAWN),
        "grant.cancelled",
    ),
    Ready(
        _template("one friend to the next tier", english.NEAR_A_TIER),
        TIER_NEAR,
        role="referrer",
        marketing=True,
    ),
    Ready(
        _template("card not claimed", english.CARD_UNCLAIMED),
        CARD_UNCLAIMED,
        delay=timedelta(days=7),
    ),
)
