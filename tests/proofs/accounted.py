"""The locks and constraints that no removal names, each with the reason why."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

STORE = Path(__file__).parents[2] / "store"
_LOCK = re.compile(r"\bFOR (NO KEY )?UPDATE|pg_(try_)?advisory")

_STAFF = (
    "no schedule plays it: staff change one thing here, and of two who do so at once the last wins"
)
_RUN = "no schedule plays it: one workflow runs this, and the lock is against its own repeat"
_BEHIND = "no schedule plays it: the grant's lock is taken first by"
_PAUSES = "races of their own: tests/store/campaigns/test_switch.py"
UNPLAYED_LOCKS = {
    "campaigns.switch._stopped": _STAFF,
    "campaigns.switch.set_code_active": _STAFF,
    "referrals.pauses._HELD": _PAUSES,
    "referrals.pauses.let_go": (
        "no schedule plays it: of two of staff who clear up one refund the second is told so;"
        " without it the conversion would still be judged once, under the referrer's progress"
    ),
    "imports.jobs.lock": _RUN,
    "orders.claim_links._batch": (
        "an encryption key is rotated by one command; a repeat finds nothing stale"
    ),
    "access.signing_secrets.rotate": (
        "an encryption key is rotated by one command; a repeat finds nothing stale"
    ),
    "orders.delivery._ORDER": "no schedule plays a provider's answers; the chaos suite does",
    "providers.deposits._LOCK": (
        "behind it stands the ledger's constraint: a fact is not posted twice"
    ),
    "imports.customers._update": "it orders the rows of two imports, so that they do not deadlock",
    "migrate._run": "two migrations at once; PostgreSQL's catalogue would refuse the second",
    "reconciliation.rebind.rebind": "no schedule plays a repair, which a person decides about",
    "reconciliation.repairs._order": "no schedule plays a repair, which a person decides about",
    "reconciliation.repairs.ask": "no schedule plays a repair, which a person decides about",
    "reconciliation.repairs.reopen": "no schedule plays a repair, which a person decides about",
    "reconciliation.repairs.settle": "no schedule plays a repair, which a person decides about",
    "reconciliation.runs.open_reading": _RUN,
    "reconciliation.runs.scope_of": _RUN,
    "qualification.reopen.split_by_reopened": (
        "no schedule reaches a milestone again while its grant moves"
    ),
    "campaigns.move_referrals._MOVE": _STAFF,
    "campaigns.move_referrals._locked": _RUN,
    "grants.state._LOCK_ORDER": f"{_BEHIND} all who change an order but a repair",
    "staff.review._lock": "no schedule plays a review, which a person decides about",
    "rewards.definitions.definitions": _STAFF,
    "rewards.definitions.lock": _STAFF,
    "ledger.rollup._LOCK": "no schedule sums the ledger up",
    "access.api_keys.revoke": "a second revocation of a key finds it revoked",
    "access.deployment_key.rotate": "of two rotations at once the last encryption stays",
    "campaigns.rules._locked": _STAFF,
    "campaigns.rules.named": _STAFF,
    "metadata_schemas.put": _STAFF,
    "ledger.seals._ONE_AT_A_TIME": "behind it stands the block's number, which is a primary key",
    "eligibility.segments.change": _STAFF,
    "ledger.taxes._LIMIT": (
        "races of their own, without it three fail: tests/store/ledger/test_taxes.py"
    ),
    "webhooks.deliver._locked": _STAFF,
}

_LAST_WINS = "written with ON CONFLICT: of two at once the last wins"
_SEALED = "asked for in tests/store/ledger/test_seals.py"
_ONE_WRITER = "one workflow or one process writes it, and under a lock of its own"

UNASKED_CONSTRAINTS = {
    "account_days.pk_account_days": _ONE_WRITER,
    "account_sums.pk_account_sums": _ONE_WRITER,
    "sum_horizon.ck_sum_horizon_only_one": _ONE_WRITER,
    "ledger_seals.pk_ledger_seals": _ONE_WRITER,
    "event_seals.pk_event_seals": _ONE_WRITER,
    "events.ck_events_xid_is_sealed": _SEALED,
    "ledger_entries.ck_ledger_entries_xid_is_sealed": _SEALED,
    "terms_moves.ck_terms_moves_moved_not_negative": _ONE_WRITER,
    "incidents.uq_incidents_item_id": ("no schedule plays a repair, which a person decides about"),
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
    "person_marks.pk_person_marks": "written with ON CONFLICT, under the customer's own lock",
    "erased_marks.pk_erased_marks": "written once, by the erasure, under the customer's own lock",
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
    """Every lock in store's modules, by module and by function or constant."""
    for path in STORE.rglob("*.py"):
        module = ".".join(path.relative_to(STORE).with_suffix("").parts)
        if not module.startswith("migrations"):
            yield from (f"{module}.{name}" for name in _locking(path.read_text()))


def _locking(source: str) -> set[str]:
    return {
        getattr(top, "name", None) or ast.unparse(getattr(top, "targets", [top])[0])
        for top in ast.parse(source).body
        for node in ast.walk(top)
        if _is_lock(node)
    }


def _is_lock(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        named = getattr(node.func, "attr", "") == "with_for_update"
        return named or any(keyword.arg == "with_for_update" for keyword in node.keywords)
    text = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and bool(_LOCK.search(text))
