"""Accepts sign-ups and conversions: first-touch attribution, in the caller's transaction.

What can be checked at once is refused here, with its reason. What is accepted leaves a referral row
and an intake row; the caller commits, then passes the intake to the Dispatcher."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from domain.campaigns import CampaignTerms, ConversionKind
from domain.ids import Prefix, new_id, referral_workflow_id
from domain.referrals import ReferralStatus
from domain.refusals import CannotCount
from store.database import Transaction
from store.eligibility import admission
from store.eligibility.counting import Subject
from store.eligibility.lookup import Code, look_up, must_be_live
from store.outbox.messages import Outgoing
from store.referrals import unmatched
from store.referrals.conversion import ConversionRequest, columns_of, enqueue_conversion, seen_for
from store.referrals.convert import Converted, convert_all, convert_these, takes
from store.referrals.purchases import lock_orders, must_be_unused
from store.referrals.reinstatement import buy_again
from store.referrals.repeats import first_answer, remember
from store.referrals.room import must_leave_room
from store.tables import Referral, metadata


class Attributed(NamedTuple):
    """A referral row and, if this call created it, the message that starts its workflow."""

    referral: Referral
    created: bool
    intake: list[Outgoing]


async def sign_up(
    tx: Transaction, *, code: str, referee_id: str, metadata: dict[str, Any]
) -> Attributed:
    """Attribute a friend to a code at sign-up; a repeat with the same friend and code gets the same
    answer."""
    return await attribute(tx, await look_up(tx, code, referee_id, None), referee_id, metadata)


async def attribute(
    tx: Transaction, found: Code, referee_id: str, metadata: dict[str, Any]
) -> Attributed:
    """The same, for a code that was looked up for this friend."""
    if found.existing:
        return Attributed(same_code(found), created=False, intake=[])
    must_be_live(tx, found, new=True)
    verdicts = await _admitted(tx, found, referee_id, converts=False)
    given = {"attributes": metadata, "verdicts": verdicts}
    referral, created = await _insert(tx, found, referee_id, given)
    outgoing = [await enqueue_conversion(tx, referral, None)] if created else []
    return Attributed(referral, created, outgoing)


async def convert(tx: Transaction, request: ConversionRequest) -> Converted:
    """Accept a conversion: with a code it attributes and converts; without one, every referral of
    the customer that waits for this event converts. A repeat gets the first answer."""
    if first := await first_answer(tx, request):
        return first._replace(event_id=request.identity())
    if request.code is None:
        converted = await convert_all(tx, request)
    else:
        found = await look_up(tx, request.code, request.customer_id, request.referrer_id)
        converted = await convert_by(tx, found, request)
    await remember(tx, request, converted)
    if converted.unmatched:
        unmatched.record_unmatched(
            tx, request, converted.unmatched, next(iter(converted.referrals), None)
        )
    return converted._replace(event_id=request.identity())


async def convert_by(tx: Transaction, found: Code, request: ConversionRequest) -> Converted:
    """The same, for a code that was looked up for this friend."""
    if not _is_campaigns_event(found.terms, request):
        concerned = [found.existing] if found.existing else []
        return Converted(concerned, False, [], unmatched.another_event(found.terms, request))
    if found.existing:
        referral = same_code(found)
        if not takes(referral, request):
            if again := await buy_again(tx, referral, request):
                return Converted([referral], repeat=False, intake=[again])
            late = referral.status == ReferralStatus.EXPIRED
            why = unmatched.expired(referral) if late else None
            return Converted([referral], repeat=True, intake=[], unmatched=why)
        if request.kind is ConversionKind.REDEMPTION:
            # No discount is given while code or campaign is disabled.
            must_be_live(tx, found, new=False)
        live = found.campaign_active and found.voucher_active
        return await convert_these(tx, [referral], request, [] if live else [referral.id])
    must_be_live(tx, found, new=True, at=request.bought_at)
    verdicts = await _admitted(tx, found, request.customer_id, converts=True)
    parties = (request.customer_id, found.referrer_id)
    subject = Subject(found.campaign_id, found.voucher_id, *parties)
    await lock_orders(tx, [request.orders])
    await must_be_unused(tx, found.terms, found.campaign_id, request.orders)
    seen = await seen_for(tx, found.terms, request, subject)
    given = {"verdicts": verdicts, **columns_of(request, seen)}
    referral, created = await _insert(tx, found, request.customer_id, given)
    if not created:
        return await convert_these(tx, [referral], request)
    return Converted([referral], False, [await enqueue_conversion(tx, referral, request)])


async def _admitted(
    tx: Transaction, found: Code, referee_id: str, *, converts: bool
) -> list[dict[str, Any]]:
    """The first verdicts of a new referral."""
    verdicts = await admission.admit(tx, found, referee_id)
    subject = Subject(found.campaign_id, found.voucher_id, referee_id, found.referrer_id)
    await must_leave_room(tx, found.terms, subject, converts=converts)
    return [verdict.model_dump(mode="json") for verdict in verdicts]


def _is_campaigns_event(terms: CampaignTerms, request: ConversionRequest) -> bool:
    return terms.conversion is request.kind and terms.event_name == request.event


def same_code(found: Code) -> Referral:
    """First touch: the first code that a friend uses in a campaign stays, for ever."""
    assert found.existing is not None  # noqa: S101 - the callers looked
    if found.existing.voucher_id != found.voucher_id:
        raise CannotCount("already_referred", "This customer was referred by another code.")
    if found.referrer_named and found.existing.referrer_id != found.referrer_id:
        detail = "This customer was referred by another holder of this code."
        raise CannotCount("already_referred", detail)
    return found.existing


_REFERRALS = metadata.tables[str(Referral.__tablename__)]
_INSERT_REFERRAL = select(Referral).from_statement(
    insert(_REFERRALS)
    .on_conflict_do_nothing(index_elements=["campaign_id", "referee_id"])
    .returning(_REFERRALS)
)


async def _insert(
    tx: Transaction, found: Code, referee_id: str, given: dict[str, Any]
) -> tuple[Referral, bool]:
    """Insert the referral, or find the one that a concurrent request inserted first."""
    columns = {
        "id": new_id(Prefix.REFERRAL),
        "campaign_id": found.campaign_id,
        "campaign_version": found.version,
        "voucher_id": found.voucher_id,
        "referrer_id": found.referrer_id,
        "referee_id": referee_id,
        "status": ReferralStatus.WAITING,
        "created_at": tx.now,
        "expires_at": tx.now + found.terms.attribution_window,
        "workflow_id": referral_workflow_id(found.campaign_id, referee_id),
        "attributes": {},
        **given,
    }
    referral = (await tx.session.scalars(_INSERT_REFERRAL, columns)).one_or_none()
    if referral is None:
        found = await look_up(
            tx, found.code, referee_id, found.referrer_id if found.referrer_named else None
        )
        return same_code(found), False
    tx.record("referral.attributed", "Friend attributed to a referral code", **referral.event_ids)
    return referral, True
