"""Showing a person to a role that may, or may not, know who it is."""

from __future__ import annotations

from api.http.access import Caller


def name_for(caller: Caller, name: str | None) -> str | None:
    """The name, or its initial."""
    return name if caller.sees_persons or not name else f"{name[0]}…"


def email_for(caller: Caller, email: str | None) -> str | None:
    """The address, or its first letter and its domain."""
    if caller.sees_persons or not email:
        return email
    return f"{email[0]}…@{email.rpartition('@')[2]}"
