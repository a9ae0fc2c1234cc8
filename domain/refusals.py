"""Refusals: what a caller asked for that cannot be done, and the way out.

    Refusal
    ├── InvalidPayload        400  a field is wrong; `field` is its JSON Pointer
    ├── NotFound              404
    ├── Forbidden             403
    ├── CannotCount           400  a code, campaign or customer that cannot take part (key says why)
    ├── AlreadyExists         409
    └── NotAllowedInState     409  right request, wrong moment

Keys are the stable words of CONTRACT §6.
"""

from __future__ import annotations

from typing import Any, ClassVar


class Refusal(Exception):
    """A definite no. Nothing was changed."""

    status: ClassVar[int] = 400
    key: str = "invalid_payload"
    title: ClassVar[str] = "Refused"

    def __init__(self, detail: str, *, field: str | None = None, **details: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.details = details


class InvalidPayload(Refusal):
    """A value that cannot be accepted."""

    title = "Invalid payload"


class Forbidden(Refusal):
    """The credential's role may not do this."""

    status = 403
    key = "forbidden"
    title = "Not allowed for this role"


class NotFound(Refusal):
    """No such thing."""

    status = 404
    key = "resource_not_found"
    title = "Resource not found"

    def __init__(self, what: str, id: str, *, field: str | None = None) -> None:
        super().__init__(f"Cannot find {what} with id {id!r}.", field=field, resource_id=id)


class CannotCount(Refusal):
    """A referral that cannot count, for the reason that `key` names."""

    title = "Cannot be used"

    def __init__(self, key: str, detail: str, *, field: str | None = None, **details: Any) -> None:
        super().__init__(detail, field=field, **details)
        self.key = key


class AlreadyExists(Refusal):
    """Its name or id is taken."""

    status = 409
    key = "duplicate_found"
    title = "Duplicate found"


class NotAllowedInState(Refusal):
    """The thing is not in a state in which this can be done."""

    status = 409
    key = "not_allowed_in_state"
    title = "Not allowed in this state"
