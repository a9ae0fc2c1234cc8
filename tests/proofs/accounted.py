"""The locks and constraints that no removal names, each with the reason why. A lock is known by its
module and the table that it locks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from store import tables

STORE = Path(__file__).parents[2] / "store"
_LOCK = re.compile(r"\bFOR (NO KEY )?UPDATE|pg_(try_)?advisory")

_STAFF = (
    "no schedule plays it: staff change one thing here, and of two who do so at once the last wins"
)
_RUN = "no schedule plays it: one workflow runs this, and the lock is against its own repeat"
_BEHIND = "no schedule plays it: the grant's lock is taken first by"
_REPAIR = "no schedule plays a repair, which a person decides about"
_PAUSES = "races of their own: tests/store/campaigns/test_switch.py"
UNPLAYED_LOCKS = {
    "campaigns.switch: grants": _STAFF,
    "campaigns.switch: any table": _STAFF,
    "referrals.pauses: referrals": _PAUSES,
    "referrals.pauses: any table": (
        "no schedule plays it: of two of staff who clear up one refund the second is told so;"
        " without it the conversion would still be judged once, under the referrer's progress"
    ),
    "imports.jobs: async_actions": _RUN,
    "orders.claim_links: claims": (
        "an encryption key is rotated by one command; a repeat finds nothing stale"
    ),
    "access.signing_secrets: signing_secrets": (
        "an encryption key is rotated by one command; a repeat finds nothing stale"
    ),
    "orders.delivery: grants": "no schedule plays a provider's answers; the chaos suite does",
    "providers.deposits: advisory": (
        "behind it stands the ledger's constraint: a fact is not posted twice"
    ),
    "imports.customers: stored": "it orders the rows of two imports, so that they do not deadlock",
    "migrate: advisory": "two migrations at once; PostgreSQL's catalogue would refuse the second",
    "reconciliation.rebind: grants": _REPAIR,
    "reconciliation.rebind: orders": _REPAIR,
    "reconciliation.repairs: orders": _REPAIR,
    "reconciliation.repairs: reconciliation_items": _REPAIR,
    "reconciliation.runs: reconciliations": _RUN,
    "qualification.reopen: grants": ("no schedule reaches a milestone again while its grant moves"),
    "campaigns.move_referrals: referrals": _STAFF,
    "campaigns.move_referrals: terms_moves": _RUN,
    "grants.state: orders": f"{_BEHIND} all who change an order but a repair",
    "staff.review: grants": "no schedule plays a review, which a person decides about",
    "rewards.definitions: rewards": _STAFF,
    "ledger.rollup: advisory": "no schedule sums the ledger up",
    "counts.check: advisory": "no schedule recounts; an operator does",
    "counts.fold: advisory": "no schedule adds up; three at once do in tests/store/counts/",
    "access.api_keys: api_keys": "a second revocation of a key finds it revoked",
    "access.deployment_key: deployment_keys": "of two rotations at once the last encryption stays",
    "campaigns.rules: validation_rules": _STAFF,
    "metadata_schemas: any table": _STAFF,
    "ledger.seals: advisory": "behind it stands the block's number, which is a primary key",
    "eligibility.segments: segments": _STAFF,
    "ledger.taxes: advisory": (
        "races of their own, without it three fail: tests/store/ledger/test_taxes.py"
    ),
    "webhooks.deliver: webhooks": _STAFF,
    "messages.consents: consents": "under the customer's own lock: of two at once the last wins",
    "messages.distributions: any table": _STAFF,
    "messages.templates: any table": _STAFF,
    "messages.resolve: messages": (
        "senders at once, and a sender that dies: tests/activities/messages/test_sending.py"
    ),
    "messages.unsubscribing: customers": "a second unsubscribing finds the first",
}

_LAST_WINS = "written with ON CONFLICT: of two at once the last wins"
_SEALED = "asked for in tests/store/ledger/test_seals.py"
_ONE_WRITER = "one workflow or one process writes it, and under a lock of its own"

UNASKED_CONSTRAINTS = {
    "account_days.pk_account_days": _ONE_WRITER,
    "account_sums.pk_account_sums": _ONE_WRITER,
    "currency_days.pk_currency_days": _ONE_WRITER,
    "daily_counts.pk_daily_counts": _ONE_WRITER,
    "link_visits.pk_link_visits": "visits are counted, and nothing follows; an upsert needs it",
    "referrer_counts.pk_referrer_counts": _ONE_WRITER,
    "referrer_daily_counts.pk_referrer_daily_counts": _ONE_WRITER,
    "sum_horizon.ck_sum_horizon_only_one": _ONE_WRITER,
    "ledger_seals.pk_ledger_seals": _ONE_WRITER,
    "event_seals.pk_event_seals": _ONE_WRITER,
    "events.ck_events_xid_is_sealed": _SEALED,
    "ledger_entries.ck_ledger_entries_xid_is_sealed": _SEALED,
    "terms_moves.ck_terms_moves_moved_not_negative": _ONE_WRITER,
    "incidents.uq_incidents_item_id": _REPAIR,
    "action_parts.pk_action_parts": "written once, by the request that made the action",
    "async_actions.uq_async_actions_digest": "no schedule imports a file",
    "alembic_version.alembic_version_pkc": "Alembic's own",
    "api_keys.pk_api_keys": "no schedule makes credentials; a second of one id is refused",
    "catalogues.pk_catalogues": _LAST_WINS,
    "lanes.pk_lanes": "no schedule stops a lane; the first who does is kept",
    "statement_mappings.pk_statement_mappings": "no schedule keeps a mapping, which staff write",
    "tax_forms.pk_tax_forms": _LAST_WINS,
    "tax_thresholds.pk_tax_thresholds": _LAST_WINS,
    "tax_thresholds.ck_tax_thresholds_amount_positive": "the API refuses such an amount",
    "claims.pk_claims": "no schedule keeps a claim; the first one stays",
    "idempotent_answers.pk_idempotent_answers": "no schedule sends a request; the API's tests do",
    "metadata_schemas.uq_metadata_schemas_related_object": _STAFF,
    "rule_assignments.uq_rule_assignments_rule_id_campaign_id": _STAFF,
    "failing_work.pk_failing_work": (
        "counted up with ON CONFLICT: a list for operators, which nothing rests on"
    ),
    "sweep_turns.pk_sweep_turns": "written with ON CONFLICT: whoever finds a sweep due begins it",
    "person_marks.pk_person_marks": "written with ON CONFLICT, under the customer's own lock",
    "erased_marks.pk_erased_marks": "written once, by the erasure, under the customer's own lock",
    "consents.pk_consents": "written under the customer's own lock",
    "distributions.ux_distributions_name": _STAFF,
    "message_templates.ux_message_templates_name": _STAFF,
    "message_template_versions.pk_message_template_versions": "written under the template's lock",
    "messages.uq_messages_distribution_id_recipient_subject_id_generation": (
        "readers at once: tests/activities/messages/test_sending.py"
    ),
    "suppressions.pk_suppressions": "written with ON CONFLICT: a complaint stays",
    "segment_members.pk_segment_members": "a customer who is listed twice is listed",
}

CONSTRAINTS = """
SELECT conrelid::regclass || '.' || conname AS name, pg_get_constraintdef(oid) AS definition
FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'c')
UNION ALL
SELECT tablename || '.' || indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND indexdef LIKE 'CREATE UNIQUE%'
AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


def carries_a_rule(definition: str) -> bool:
    """A key that is drawn or counted by the machine carries none; nor does a list of words."""
    return definition not in ("PRIMARY KEY (id)", "PRIMARY KEY (seq)") and "= ANY" not in definition


def locks() -> Iterator[str]:
    """Every lock in store's modules: the module, and the table that is locked."""
    for path in STORE.rglob("*.py"):
        module = ".".join(path.relative_to(STORE).with_suffix("").parts)
        if not module.startswith("migrations"):
            nodes = ast.walk(ast.parse(path.read_text()))
            yield from (f"{module}: {_locked_table(node)}" for node in nodes if _is_lock(node))


def _is_lock(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        named = getattr(node.func, "attr", "") == "with_for_update"
        return named or any(keyword.arg == "with_for_update" for keyword in node.keywords)
    text = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and bool(_LOCK.search(text))


def _locked_table(node: ast.AST) -> str:
    """As the statement names it: `of` a model or an alias, else the first model in it."""
    if isinstance(node, ast.Constant):
        text = str(node.value)
        if "pg_" in text:
            return "advisory"
        of = re.search(r"FOR UPDATE OF (\w+)", text)
        return of[1] if of else re.findall(r"\bFROM (\w+)", text[: _start(text)])[-1]
    assert isinstance(node, ast.Call)
    of_models = [keyword.value for keyword in node.keywords if keyword.arg == "of"]
    for within in (*of_models, node):
        names = [name for name in ast.walk(within) if isinstance(name, ast.Name)]
        for name in sorted(names, key=lambda name: (name.lineno, name.col_offset)):
            table = getattr(getattr(tables, name.id, None), "__tablename__", None)
            if table:
                return str(table)
    return "any table"


def _start(text: str) -> int:
    found = _LOCK.search(text)
    assert found
    return found.start()
