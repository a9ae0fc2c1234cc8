"""The address under which callers reach this API, for links in answers."""

from __future__ import annotations

_served: list[str] = [""]


def serve_at(public_url: str) -> None:
    """Set once, when the application is created."""
    _served[0] = public_url.rstrip("/")


def public_url() -> str:
    """Without a slash at the end."""
    return _served[0]
