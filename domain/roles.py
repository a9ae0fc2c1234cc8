"""What a credential may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A credential's role, CONTRACT §2."""

    SERVICE = "service"
    """A backend: customers, campaigns, codes, events, redemptions; reads referrals and grants."""
    SUPPORT = "support"
    """Staff who answer for a person: read all but the books, act on referrals and grants."""
    FINANCE = "finance"
    """Reads all, reconciles, exports, funds. Persons are masked."""
    ADMIN = "admin"
    """Everything, keys and webhooks included."""
