"""All tables; importing this package fills the metadata that Alembic compares with."""

from store.tables.access import (
    Actor,
    ApiKey,
    DeploymentKey,
    ErasedName,
    IdempotentAnswer,
    LastingSecret,
)
from store.tables.campaigns import Budget, Campaign, CampaignVersion, TermsMove
from store.tables.codes import Holder, Publication, Redemption, Rollback, Voucher
from store.tables.columns import metadata
from store.tables.counts import CountChange, DailyCount, ReferrerCount, ReferrerDailyCount
from store.tables.customers import Customer, ErasedMark, Identity, PersonMark
from store.tables.data import ActionPart, AsyncAction, Export, MetadataSchema
from store.tables.events import Event, EventWords, LedgerEntry
from store.tables.fulfilment import ClaimLink, Grant, Order
from store.tables.ledger import (
    AccountDay,
    AccountSum,
    CurrencyDay,
    EventSeal,
    LedgerSeal,
    SumHorizon,
    TaxForm,
    TaxThreshold,
)
from store.tables.links import LinkVisits
from store.tables.messages import (
    MarketingConsent,
    Message,
    MessageDistribution,
    MessagePosition,
    MessageTemplate,
    Suppression,
    TemplateVersion,
)
from store.tables.providers import Catalogue, Lane
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
    SweepTurn,
)
from store.tables.reversals import EarlyRefund, Receivable, Reversal, WalletCredit, WalletUse
from store.tables.rewards import Coupon, RewardDefinition, SigningSecret
from store.tables.rules import (
    RefereeMark,
    RuleAssignment,
    Segment,
    SegmentMember,
    ValidationRule,
)
from store.tables.staff import StaffAction
from store.tables.webhooks import Webhook
