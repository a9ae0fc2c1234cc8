"""Every type of event: what it means, and the model of its `data`.

Whatever is recorded has a type from here; a test compares this list with the code."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import AfterValidator

from domain.events import operations as ops
from domain.events.data import (
    EventData,
    OfCampaign,
    OfGrant,
    OfOrder,
    OfReferral,
    OfUse,
)
from domain.feed import TypePattern
from domain.grants import Attention


class EventType(NamedTuple):
    """A type of event. `meaning`: one sentence for whoever subscribes."""

    name: str
    meaning: str
    data: type[EventData]


_REFERRALS = {
    "referral.attributed": "A friend was attributed to a code.",
    "referral.converted": "The friend's conversion was accepted; it is judged next.",
    "referral.not_converted": "An event of the friend did not meet the campaign's rules.",
    "referral.moved": "A waiting referral was moved to a later version of the campaign's terms.",
    "referral.held": "A conversion waits: the campaign or code is paused, or a refund is unclear.",
    "referral.resumed": "A held conversion goes on.",
    "referral.qualified": "The conversion met all rules; its rewards were granted.",
    "referral.flagged": "A fraud check found something; a person decides.",
    "referral.approved": "A person released the rewards under review.",
    "referral.denied": "A person refused the rewards under review.",
    "referral.rejected": "The conversion met not all rules, or was undone; nothing is granted.",
    "referral.expired": "The attribution window ended without a conversion.",
    "referral.reopened": "An expired referral goes on: the purchase was made within the window.",
    "referral.referrer_erased": "The referrer was erased; the friend's reward stands.",
    "referral.completed": "Every reward of the referral is finished.",
    "referral.needs_attention": "A reward or a held conversion waits for a person.",
    "referral.reversal_asked": "A refund or a person asked to undo the referral or a part of it.",
    "referral.reversal_carried_out": "The reversal is done.",
    "referral.reversed": "All of the referral was undone.",
    "referral.reinstatement_asked": "A person asked to reinstate the referral.",
    "referral.reinstated": "The referral counts again.",
    "staff.retry_in_vain": "A person's retry was no longer possible.",
    "staff.cancel_in_vain": "A person's cancellation was no longer possible.",
    "staff.resend_in_vain": "A person's resend was no longer possible.",
    "staff.resolve_in_vain": "A person's decision about an order was no longer possible.",
    "staff.approve_in_vain": "A person's approval was no longer possible.",
    "staff.deny_in_vain": "A person's refusal was no longer possible.",
}
_GRANTS = {
    "grant.created": "A reward was granted; it is ordered once its hold and review are over.",
    "grant.netted": "A part was kept back for what the person owes.",
    "grant.in_review": "A person decides before it is ordered.",
    "grant.alternative": "Another product is ordered instead, as the campaign's terms say.",
    "grant.retry": "A person had a parked reward tried again.",
    "callout.refused": "The custom reward's address refused the callout.",
    "callout.failed": "The custom reward's address did not answer; the callout is repeated.",
    "grant.resolved": "A person said whether the provider issued the card.",
    "grant.not_resolved": "The provider contradicts what a person said of the order.",
    "grant.readdressed": "The delivery address was corrected.",
    "grant.resent": "The card was sent again.",
    "grant.not_resent": "The provider did not send the card again.",
    "grant.delivered": "The person has the reward.",
    "grant.cancelled": "The reward was withdrawn; nothing is owed.",
    "grant.failed": "A person decided that it will not be issued.",
    "grant.shrunk": "A refund made it smaller.",
    "grant.disabled": "An unused coupon was disabled by a reversal.",
    "grant.debited": "A reversal took it back from the wallet.",
    "grant.owed_back": "The reward stands; the person owes its value, or a part of it.",
    "grant.debt_back": "A debt that it had paid off exists again.",
    "grant.forgiven": "What was owed for it is no longer owed.",
    "grant.regained": "An undone milestone was reached again.",
    "claim.handed_out": "A person was shown the card's claim link.",
    "wallet.expired": "Unused credit lapsed.",
} | {
    f"grant.{attention}": f"The reward waits for a person: {attention.replace('_', ' ')}."
    for attention in Attention
}
_ORDERS = {
    "order.prepared": "An order was written down; nothing has been sent.",
    "order.unknown": "The provider's answer was lost; it is asked again under the same key.",
    "order.pending": "The provider has accepted the order.",
    "order.issued": "The card exists.",
    "order.failed": "The provider refused the order; no card exists.",
    "order.cancelled": "The card was cancelled at the provider.",
    "incident.double_order": "The provider's book shows two orders for one reward.",
}
_CAMPAIGNS = {
    "campaign.created": "A campaign was created.",
    "campaign.updated": "A campaign's terms have a new version.",
    "campaign.enabled": "A paused campaign goes on.",
    "campaign.disabled": "A campaign was paused.",
    "campaign.ended": "A campaign was ended.",
    "campaign.deleted": "A campaign was deleted.",
    "campaign.referrals_moved": "Waiting referrals were moved to a later version of the terms.",
    "campaign.reward_not_offered": "The provider no longer offers what the campaign gives.",
    "voucher.created": "Codes were created.",
    "voucher.enabled": "A code was enabled.",
    "voucher.disabled": "A code was disabled.",
    "codes.imported": "Codes were imported.",
    "validation_rules.assignment.created": "A rule became part of a campaign's terms.",
    "validation_rules.assignment.deleted": "A rule left a campaign's terms.",
}
_USES = {
    "publication.created": "A code was given to a customer.",
    "publication.failed": "A code was not given: the request was refused.",
    "redemption.succeeded": "A code was redeemed.",
    "redemption.failed": "A redemption was refused.",
    "redemption.rolled_back": "A redemption was rolled back, in whole or in part.",
    "refund.waiting_for_order": "A refund came before its purchase.",
    "event.unmatched": "A customer's event converted nothing.",
    "referral.refused": "A friend was not attributed: the request was refused.",
    "conversion.refused": "A conversion was refused.",
}
_PEOPLE = {
    "customer.created": "A customer was created.",
    "customer.updated": "A customer was changed.",
    "customer.deleted": "A customer was erased.",
    "wallet.used": "A customer used credits or points.",
    "wallet.returned": "Used credits or points were given back.",
    "tax.form_recorded": "A customer's tax form was recorded.",
    "customer.consent_changed": "A customer's consent to a kind of message changed.",
    "customer.unsubscribed": "A customer unsubscribed.",
}
_MESSAGES = {
    "message.sent": "A message was accepted by the mail server or the receiver.",
    "message.doubtful": "A message may have been sent; a person decides whether to send it again.",
    "message.bounced": "A message came back: the address does not accept it.",
    "message.suppressed": "A message was not sent: the person does not want it, or cannot get it.",
    "message.cancelled": "A message was not sent: what it announces no longer holds.",
    "message.resend_asked": "A person asked to send a message again.",
}
_OPERATIONS: dict[str, tuple[str, type[EventData]]] = {
    "lane.stopped": ("Orders at a provider stopped: no order can succeed.", ops.OfProvider),
    "lane.reopened": ("Orders at a provider go out again.", ops.OfProvider),
    "catalogue.fetched": ("A provider's catalogue was read.", ops.OfProvider),
    "ledger.deposit": ("A deposit at a provider was topped up.", ops.OfProvider),
    "hook.refused": ("A provider's signed webhook could not be followed.", ops.OfProvider),
    "hook.unmatched": ("A provider's webhook concerns no order of ours.", ops.OfProvider),
    "reconciliation.started": ("A reconciliation began.", ops.OfReconciliation),
    "reconciliation.completed": ("A reconciliation ended, with its totals.", ops.OfReconciliation),
    "reconciliation.failed": ("A reconciliation could not be finished.", ops.OfReconciliation),
    "reconciliation.repair_asked": ("A person asked for a repair.", ops.OfReconciliation),
    "reconciliation.repaired": ("A difference was repaired.", ops.OfReconciliation),
    "reconciliation.repair_failed": ("A repair was not done.", ops.OfReconciliation),
    "reconciliation.incident": ("A difference became an incident.", ops.OfReconciliation),
    "reconciliation.mapping_set": ("A statement's columns were named.", EventData),
    "tax.threshold_set": ("A tax threshold was set.", EventData),
    "reward.created": ("A reward definition was created.", ops.OfReward),
    "reward.updated": ("A reward definition was changed.", ops.OfReward),
    "reward.deleted": ("A reward definition was deleted.", ops.OfReward),
    "segment.created": ("A segment was created.", ops.OfSegment),
    "segment.updated": ("A segment was changed.", ops.OfSegment),
    "segment.deleted": ("A segment was deleted.", ops.OfSegment),
    "validation_rules.created": ("A validation rule was created.", ops.OfRule),
    "validation_rules.updated": ("A validation rule was changed.", ops.OfRule),
    "validation_rules.deleted": ("A validation rule was deleted.", ops.OfRule),
    "schema.defined": ("A metadata schema was defined.", ops.OfSchema),
    "schema.removed": ("A metadata schema was removed.", ops.OfSchema),
    "key.created": ("An API key was created.", ops.OfKey),
    "key.revoked": ("An API key was revoked.", ops.OfKey),
    "key.wrong_tokens": ("Many requests came with wrong credentials.", ops.OfKey),
    "webhook.created": ("A webhook was created.", ops.OfWebhook),
    "webhook.updated": ("A webhook was changed.", ops.OfWebhook),
    "webhook.deleted": ("A webhook was deleted.", ops.OfWebhook),
    "template.created": ("A message template was created.", ops.OfTemplate),
    "template.updated": ("A message template was changed.", ops.OfTemplate),
    "template.deleted": ("A message template was deleted.", ops.OfTemplate),
    "distribution.created": ("A distribution of messages was created.", ops.OfDistribution),
    "distribution.updated": ("A distribution of messages was changed.", ops.OfDistribution),
    "distribution.deleted": ("A distribution of messages was deleted.", ops.OfDistribution),
    "export.created": ("An export was asked for.", ops.OfExport),
    "export.deleted": ("An export was deleted.", ops.OfExport),
    "action.accepted": ("A bulk action or import was accepted.", ops.OfAction),
    "action.done": ("A bulk action or import is done.", ops.OfAction),
}


def _types() -> list[EventType]:
    families = (
        (_REFERRALS, OfReferral),
        (_GRANTS, OfGrant),
        (_ORDERS, OfOrder),
        (_CAMPAIGNS, OfCampaign),
        (_USES, OfUse),
        (_PEOPLE, ops.OfCustomer),
        (_MESSAGES, ops.OfMessage),
    )
    found = [
        EventType(name, meaning, data)
        for meanings, data in families
        for name, meaning in meanings.items()
    ]
    found += [EventType(name, *each) for name, each in _OPERATIONS.items()]
    return sorted(found, key=lambda each: each.name)


EVENT_TYPES = {each.name: each for each in _types()}


def _known(pattern: str) -> str:
    beginning = pattern.removesuffix("*")
    exact = beginning == pattern
    if not any(name == pattern if exact else name.startswith(beginning) for name in EVENT_TYPES):
        raise ValueError(f"{pattern!r} is no type of event: GET /v1/event-types lists them all")
    return pattern


KnownTypes = Annotated[TypePattern, AfterValidator(_known)]
"""A pattern that at least one type matches."""
