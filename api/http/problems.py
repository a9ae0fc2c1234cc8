"""Errors as RFC 9457 problems with Voucherify's members, and their documentation.

Every refusal of the API passes through `problem`. Keys are CONTRACT §6's stable words."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.responses import Response

from domain.discretion import unnamed_within
from domain.refusals import Refusal
from domain.verdict import Verdict

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One wrong value: `pointer` into the body (RFC 6901), or the `parameter` or `header`."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class Problem(BaseModel):
    """What went wrong, for a program (`key`), a person (`detail`) and the logs (`request_id`)."""

    type: str = Field(examples=["urn:guerdon:problem:already_referred"])
    title: str
    status: int
    detail: str
    code: int = Field(description="The same as `status`, as Voucherify names it.")
    key: str = Field(description="A stable word to decide by.")
    message: str = Field(description="The same as `title`, as Voucherify names it.")
    details: str = Field(description="The same as `detail`, as Voucherify names it.")
    request_id: str
    errors: list[FieldError] = []
    resource_id: str | None = None
    """What the refusal is about: the missing thing, or the rule that was not met."""
    verdicts: list[Verdict] = []
    """For a refusal by rules or limits: each check, with its numbers."""


class Kind(NamedTuple):
    """What a key means."""

    status: int
    title: str
    example: str


KINDS: dict[str, Kind] = {
    "invalid_payload": Kind(400, "Invalid payload", "email: not a valid address."),
    "missing_customer": Kind(400, "Missing customer", "Give customer.source_id or customer.id."),
    "referrer_not_permitted_to_redeem": Kind(
        400, "Cannot be used", "A referrer cannot use an own code."
    ),
    "quantity_exceeded": Kind(400, "Cannot be used", "The code was used as often as it may be."),
    "voucher_disabled": Kind(400, "Cannot be used", "The code is disabled."),
    "voucher_not_active": Kind(400, "Cannot be used", "The code has not been published."),
    "voucher_expired": Kind(400, "Cannot be used", "The code expired on 2027-01-31 00:00 UTC."),
    "redemption_rules_violated": Kind(
        400, "Cannot be used", "A customer may redeem 1 time(s) in this campaign, and has done so."
    ),
    "no_voucher_suitable_for_publication": Kind(
        400, "Cannot be used", "All codes of this campaign are given out."
    ),
    "already_rolled_back": Kind(400, "Cannot be used", "This redemption was rolled back before."),
    "voucher_not_active_now": Kind(
        400, "Cannot be used", "The code cannot be used now: outside the valid hours."
    ),
    "customer_rules_violated": Kind(
        400, "Cannot be used", "Rule Residents (val_01jd3v5q): Only in the US."
    ),
    "order_rules_violated": Kind(
        400, "Cannot be used", "Rule Big orders (val_01jd3v5q): Spend $50."
    ),
    "already_referred": Kind(400, "Cannot be used", "This customer was referred by another code."),
    "order_already_used": Kind(
        400, "Cannot be used", "The order converted referral ref_01jd3v5q in this campaign before."
    ),
    "campaign_not_live": Kind(400, "Cannot be used", "The campaign has ended."),
    "budget_exhausted": Kind(400, "Cannot be used", "The campaign's budget is spent."),
    "unauthorized": Kind(401, "Not authenticated", "X-App-Id and X-App-Token are required."),
    "forbidden": Kind(403, "Not allowed for this role", "The role finance may not do this."),
    "resource_not_found": Kind(404, "Resource not found", "Cannot find campaign with id 'camp_1'."),
    "method_not_allowed": Kind(405, "Method not allowed", "Allowed: GET."),
    "duplicate_found": Kind(409, "Duplicate found", "A campaign with this name exists."),
    "idempotency_in_progress": Kind(
        409, "Still in progress", "The first request with this Idempotency-Key still runs."
    ),
    "identity_reused": Kind(
        409,
        "Identity reused",
        "'checkout-4711' was used with other content. /amount: first 1.00 USD, now 400.00 USD.",
    ),
    "ambiguous_order": Kind(
        409,
        "Ambiguous order",
        "Several campaigns know this order: camp_1, camp_2. Name one as campaign_id.",
    ),
    "not_allowed_in_state": Kind(
        409, "Not allowed in this state", "A grant that is delivered cannot be cancelled."
    ),
    "payload_too_large": Kind(413, "Payload too large", "The body may have 1 MB."),
    "unsupported_media_type": Kind(415, "Unsupported media type", "Send application/json."),
    "idempotency_key_reused": Kind(
        422, "Idempotency-Key reused", "This Idempotency-Key was used with another request."
    ),
    "internal_error": Kind(500, "Internal error", ""),
    "temporarily_unavailable": Kind(
        503, "Temporarily unavailable", "The database does not answer. Try again."
    ),
}


def problem(
    request_id: str,
    key: str,
    detail: str | None = None,
    *,
    errors: list[FieldError] | None = None,
    resource_id: str | None = None,
    verdicts: list[Verdict] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The answer for a key of KINDS."""
    more = {"errors": errors or [], "resource_id": resource_id, "verdicts": verdicts or []}
    body = _body(key, request_id, detail, **more)
    if body.status == 503:
        headers = {"Retry-After": "1"} | (headers or {})
    # Any member may repeat the caller's words, also a pointer, so all are cleaned of personal data.
    told = to_json(unnamed_within(body.model_dump(mode="json", exclude_none=True)))
    return Response(told, body.status, headers=headers, media_type=MEDIA_TYPE)


def refused(request_id: str, refusal: Refusal) -> Response:
    """The answer for a refusal of the domain."""
    errors = []
    if refusal.field is not None:
        errors.append(FieldError(detail=refusal.detail, pointer=refusal.field))
    for pointer, words in refusal.details.get("differences", []):
        errors.append(FieldError(detail=words, pointer=pointer))
    wait = refusal.details.get("retry_after")
    return problem(
        request_id,
        refusal.key,
        refusal.detail,
        errors=errors,
        resource_id=refusal.details.get("resource_id"),
        verdicts=refusal.details.get("verdicts"),
        headers={"Retry-After": str(wait)} if wait else None,
    )


_AUTHENTICATED = ("invalid_payload", "unauthorized", "forbidden", "temporarily_unavailable")


def responses(*keys: str, authenticated: bool = True) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` for these keys, with an example each, besides those of every route."""
    documented: dict[int | str, dict[str, Any]] = {}
    general = _AUTHENTICATED if authenticated else ()
    for key in (*keys, *general, "internal_error"):
        kind = KINDS[key]
        entry = documented.setdefault(
            kind.status,
            {
                "model": Problem,
                "description": kind.title,
                "content": {MEDIA_TYPE: {"examples": {}}},
            },
        )
        entry["content"][MEDIA_TYPE]["examples"][key] = {"value": _example(key)}
    return documented


def body_responses(*keys: str) -> dict[int | str, dict[str, Any]]:
    """`responses` of a guarded PUT: its own keys, and those of its body."""
    return responses("invalid_payload", *keys, "payload_too_large", "unsupported_media_type")


def post_responses(*keys: str) -> dict[int | str, dict[str, Any]]:
    """`responses` of a guarded POST: its own keys, and those of its body and its repeats."""
    return responses(
        "invalid_payload",
        *keys,
        "idempotency_in_progress",
        "payload_too_large",
        "unsupported_media_type",
        "idempotency_key_reused",
    )


def _example(key: str) -> dict[str, Any]:
    body = _body(key, "req_01jd3v5q8g6w2x4y7z9a1b3c5d")
    return body.model_dump(exclude_defaults=True)


def _body(key: str, request_id: str, detail: str | None = None, **more: Any) -> Problem:
    kind = KINDS[key]
    detail = kind.example if detail is None else detail
    return Problem(
        type=f"urn:guerdon:problem:{key}",
        title=kind.title,
        status=kind.status,
        detail=detail,
        code=kind.status,
        key=key,
        message=kind.title,
        details=detail,
        request_id=request_id,
        **more,
    )
