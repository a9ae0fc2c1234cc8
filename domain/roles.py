"""What a credential may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A credential's role, CONTRACT §2."""

    SERVICE = "service"
    """A backend: customers, campaigns, codes, events, redemptions; reads referrals and grants."""
    SUPPORT = "support"
    """Staff who help customers: read all but the books, act on referrals and grants."""
    FINANCE = "finance"
    """Reads all, reconciles, exports, funds. Personal data is masked."""
    MANAGER = "manager"
    """Programme managers: campaigns, tiers, rewards, rules, codes. Personal data is masked."""
    OPERATOR = "operator"
    """Operations: lanes, webhooks, metrics. Reads no referrals and no personal data."""
    ADMIN = "admin"
    """Everything, keys and webhooks included."""

    @property
    def sees_persons(self) -> bool:
        """Whether names, addresses and a caller's own words about a person are shown."""
        return self in (Role.SERVICE, Role.SUPPORT, Role.ADMIN)


class Scope(StrEnum):
    """What an admin may add to one key, beyond its role."""

    WEBHOOKS = "webhooks"
    """Manage outgoing webhooks."""
    EVENT_LOG = "event_log"
    """Read the event log."""
