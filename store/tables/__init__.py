"""All tables; importing this package fills the metadata that Alembic compares with."""

from store.tables.access import (
    Actor,
    ApiKey,
    DeploymentKey,
    ErasedName,
    IdempotentAnswer,
    LastingSecret,
)
from store.tables.campaigns import Budget, Campaign, CampaignVersion
from store.tables.catalogue import Catalogue
from store.tables.codes import Holder, Publication, Redemption, Rollback, Voucher
from store.tables.columns import metadata
from store.tables.coupons import Coupon
from store.tables.customers import Customer
from store.tables.data import ActionPart, AsyncAction, Export
from store.tables.events import Event, EventWords, LedgerEntry
from store.tables.fulfilment import ClaimLink, Grant, Order
from store.tables.identities import Identity
from store.tables.lanes import Lane
from store.tables.marks import ErasedMark, PersonMark
from store.tables.metadata_schemas import MetadataSchema
from store.tables.reconciliation import (
    Incident,
    Reconciliation,
    ReconciliationItem,
    StatementMapping,
)
from store.tables.referrals import (
    FailingWork,
    Intake,
    ProgressCheck,
    Referral,
    ReferrerProgress,
)
from store.tables.reversals import EarlyRefund, Receivable, Reversal, WalletCredit, WalletUse
from store.tables.rewards import RewardDefinition, SigningSecret
from store.tables.rules import (
    RefereeMark,
    RuleAssignment,
    Segment,
    SegmentMember,
    ValidationRule,
)
from store.tables.seals import EventSeal, LedgerSeal
from store.tables.staff import StaffAction
from store.tables.sums import AccountDay, AccountSum, SumHorizon
from store.tables.taxes import TaxForm, TaxThreshold
from store.tables.terms_moves import TermsMove
from store.tables.webhooks import Webhook

__all__ = [
    "AccountDay",
    "AccountSum",
    "ActionPart",
    "Actor",
    "ApiKey",
    "AsyncAction",
    "Budget",
    "Campaign",
    "CampaignVersion",
    "Catalogue",
    "ClaimLink",
    "Coupon",
    "Customer",
    "DeploymentKey",
    "EarlyRefund",
    "ErasedMark",
    "ErasedName",
    "Event",
    "EventSeal",
    "EventWords",
    "Export",
    "FailingWork",
    "Grant",
    "Holder",
    "IdempotentAnswer",
    "Identity",
    "Incident",
    "Intake",
    "Lane",
    "LastingSecret",
    "LedgerEntry",
    "LedgerSeal",
    "MetadataSchema",
    "Order",
    "PersonMark",
    "ProgressCheck",
    "Publication",
    "Receivable",
    "Reconciliation",
    "ReconciliationItem",
    "Redemption",
    "RefereeMark",
    "Referral",
    "ReferrerProgress",
    "Reversal",
    "RewardDefinition",
    "Rollback",
    "RuleAssignment",
    "Segment",
    "SegmentMember",
    "SigningSecret",
    "StaffAction",
    "StatementMapping",
    "SumHorizon",
    "TaxForm",
    "TaxThreshold",
    "TermsMove",
    "ValidationRule",
    "Voucher",
    "WalletCredit",
    "WalletUse",
    "Webhook",
    "metadata",
]
