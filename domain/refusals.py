"""Refusals: what a caller asked for that cannot be done, and the way out.

    Refusal
    ├── InvalidPayload        400  a field is wrong; `field` is its JSON Pointer
    ├── NotFound              404
    ├── Unauthorized          401
    ├── Forbidden             403
    ├── CannotCount           400  a code, campaign or customer that cannot take part (key says why)
    ├── AlreadyExists         409
    ├── IdentityReused        409  the same identity with other content
    ├── AmbiguousOrder        409  several campaigns know the order
    ├── NotAllowedInState     409  right request, wrong moment
    ├── UnsupportedMediaType  415
    ├── IdempotencyInProgress 409  the first request with this key still runs
    ├── IdempotencyKeyReused  422  the same key with another request
    └── Unavailable           503  try again soon

Keys are the stable words of CONTRACT §6.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from domain.discretion import unnamed

T = TypeVar("T")


class Refusal(Exception):
    """A definite no. Nothing was changed."""

    status: ClassVar[int] = 400
    key: str = "invalid_payload"
    title: ClassVar[str] = "Refused"

    def __init__(self, detail: str, *, field: str | None = None, **details: Any) -> None:
        self.detail = unnamed(detail)
        super().__init__(self.detail)
        self.field = field
        self.details = details


class InvalidPayload(Refusal):
    """A value that cannot be accepted."""

    title = "Invalid payload"


class Unauthorized(Refusal):
    """No credential, or a wrong one."""

    status = 401
    key = "unauthorized"
    title = "Not authenticated"


class Forbidden(Refusal):
    """The credential's role does not allow this."""

    status = 403
    key = "forbidden"
    title = "Not allowed for this role"


class NotFound(Refusal):
    """No such thing."""

    status = 404
    key = "resource_not_found"
    title = "Resource not found"

    def __init__(self, what: str, id: str, *, field: str | None = None) -> None:
        super().__init__(
            f"Cannot find {what} with id {id!r}.", field=field, resource_id=unnamed(id)
        )


def existing(thing: T | None, what: str, id: str, *, field: str | None = None) -> T:
    """The thing that was looked up. Raises NotFound where there is none."""
    if thing is None:
        raise NotFound(what, id, field=field)
    return thing


class CannotCount(Refusal):
    """A referral that cannot count, for the reason in `key`."""

    title = "Cannot be used"

    def __init__(self, key: str, detail: str, *, field: str | None = None, **details: Any) -> None:
        super().__init__(detail, field=field, **details)
        self.key = key


class AlreadyExists(Refusal):
    """Its name or id is taken."""

    status = 409
    key = "duplicate_found"
    title = "Duplicate found"


class IdentityReused(Refusal):
    """An identity of the caller (an event id, an order, a refund, a reference) was used before with
    other content. `differences`: the members, with both values in words.
    """

    status = 409
    key = "identity_reused"
    title = "Identity reused"


class AmbiguousOrder(Refusal):
    """Several campaigns know an order with this id, because shops number orders alike."""

    status = 409
    key = "ambiguous_order"
    title = "Ambiguous order"


class NotAllowedInState(Refusal):
    """The thing is not in a state in which this can be done."""

    status = 409
    key = "not_allowed_in_state"
    title = "Not allowed in this state"


class UnsupportedMediaType(Refusal):
    """The body is not JSON."""

    status = 415
    key = "unsupported_media_type"
    title = "Unsupported media type"


class IdempotencyInProgress(Refusal):
    """The first request with this key has not been answered yet."""

    status = 409
    key = "idempotency_in_progress"
    title = "Still in progress"


class IdempotencyKeyReused(Refusal):
    """The key was used for another request before."""

    status = 422
    key = "idempotency_key_reused"
    title = "Idempotency-Key reused"


class Unavailable(Refusal):
    """A required part does not answer. The request itself may be fine."""

    status = 503
    key = "temporarily_unavailable"
    title = "Temporarily unavailable"
