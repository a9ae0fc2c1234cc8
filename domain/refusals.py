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

Keys are the stable words of CONTRACT §6; `api.http.problems` has the title of each."""

from __future__ import annotations

from typing import Any, TypeVar

from domain.discretion import unnamed

T = TypeVar("T")


class Refusal(Exception):
    """A definite no. Nothing was changed."""

    key: str = "invalid_payload"

    def __init__(self, detail: str, *, field: str | None = None, **details: Any) -> None:
        self.detail = unnamed(detail)
        super().__init__(self.detail)
        self.field = field
        self.details = details


class InvalidPayload(Refusal):
    """A value that cannot be accepted."""


class Unauthorized(Refusal):
    """No credential, or a wrong one."""

    key = "unauthorized"


class Forbidden(Refusal):
    """The credential's role does not allow this."""

    key = "forbidden"


class NotFound(Refusal):
    """No such thing."""

    key = "resource_not_found"

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

    def __init__(self, key: str, detail: str, *, field: str | None = None, **details: Any) -> None:
        super().__init__(detail, field=field, **details)
        self.key = key


class AlreadyExists(Refusal):
    """Its name or id is taken."""

    key = "duplicate_found"


class IdentityReused(Refusal):
    """An identity of the caller (an event id, an order, a refund, a reference) was used before with
    other content. `differences`: the members, with both values in words."""

    key = "identity_reused"


class AmbiguousOrder(Refusal):
    """Several campaigns know an order with this id, because shops number orders alike."""

    key = "ambiguous_order"


class NotAllowedInState(Refusal):
    """The thing is not in a state in which this can be done."""

    key = "not_allowed_in_state"


class UnsupportedMediaType(Refusal):
    """The body is not JSON."""

    key = "unsupported_media_type"


class IdempotencyInProgress(Refusal):
    """The first request with this key has not been answered yet."""

    key = "idempotency_in_progress"


class IdempotencyKeyReused(Refusal):
    """The key was used for another request before."""

    key = "idempotency_key_reused"


class Unavailable(Refusal):
    """A required part does not answer. The request itself may be fine."""

    key = "temporarily_unavailable"
