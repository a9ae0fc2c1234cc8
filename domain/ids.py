"""Identifiers: a prefix that names the kind, then a ULID, so they sort by time of creation.

They contain no personal data and none of the caller's own ids, because they appear in workflow ids,
order keys, search attributes and logs."""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b

from ulid import ULID


class Prefix(StrEnum):
    """The kind of thing that an id names. Voucherify's own prefixes where it has one."""

    CAMPAIGN = "camp"
    CUSTOMER = "cust"
    VOUCHER = "v"
    HOLDER = "rh"
    PUBLICATION = "pub"
    REDEMPTION = "r"
    FAILED_REDEMPTION = "rf"
    ROLLBACK = "rr"
    TIER = "tier"
    REWARD = "rew"
    SECRET = "sec"  # noqa: S105 - the prefix of an id
    MOVE = "move"
    RULE = "val"
    ASSIGNMENT = "asgm"
    SEGMENT = "seg"
    REFERRAL = "ref"
    GRANT = "gr"
    ORDER = "ord"
    EVENT = "evt"
    REVERSAL = "rev"
    REINSTATEMENT = "rei"
    TRANSACTION = "txn"
    ASYNC_ACTION = "aa"
    EXPORT = "exp"
    SCHEMA = "ms"
    DELETION = "cpd"
    APP = "app"
    ACTOR = "act"
    WORDS = "wrd"
    REQUEST = "req"
    RECONCILIATION = "rec"
    INCIDENT = "inc"
    WEBHOOK = "wh"
    TEMPLATE = "tpl"
    DISTRIBUTION = "distr"
    MESSAGE = "msg"


def new_id(prefix: Prefix) -> str:
    """A fresh id such as `ref_01jd…`: 26 lower-case characters after the prefix."""
    return f"{prefix}_{str(ULID()).lower()}"


def digest(*parts: str) -> str:
    """32 hexadecimal digits that replace a caller's text where that must not be readable."""
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def referral_workflow_id(campaign_id: str, referee_id: str) -> str:
    """One referral per campaign and referee: the workflow id makes Temporal enforce it too."""
    return f"referral:{campaign_id}:{referee_id}"


def catalogue_workflow_id(provider: str) -> str:
    """One check at a time of each provider's catalogue."""
    return f"catalogue:{provider}"


def hook_workflow_id(provider: str, event_id: str) -> str:
    """One workflow per webhook of a provider, however often it is sent."""
    return f"hook:{provider}:{event_id}"


def aftercare_workflow_id(referral_id: str, request_id: str) -> str:
    """Aftercare runs once per request."""
    return f"aftercare:{referral_id}:{request_id}"


def webhook_workflow_id(webhook_id: str) -> str:
    """One workflow per outgoing webhook, so that it receives events in order."""
    return f"webhook:{webhook_id}"


def message_workflow_id(message_id: str) -> str:
    """One workflow per message."""
    return f"message:{message_id}"
