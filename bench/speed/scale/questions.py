"""Turns every GET operation of `/openapi.json` into requests with real values from the database:
the operation alone, then once with each of its filters and each of its sort orders."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import asyncpg

Parameter = dict[str, Any]

PLACES = frozenset({"limit", "page", "starting_after_id", "starting_after", "after"})
"""Parameters that choose a page of a list, and filter nothing."""
OPTIONS = frozenset({"token", "promised", "format", "scale"})
"""Parameters that do not change which rows are read."""
VALUES = {
    "customer_id": "SELECT id FROM customers",
    "campaign_id": "SELECT id FROM campaigns",
    "referral_id": "SELECT id FROM referrals",
    "grant_id": "SELECT id FROM grants",
    "order_id": "SELECT id FROM orders",
    "redemption_id": "SELECT id FROM redemptions",
    "code": "SELECT code FROM vouchers",
    "member_id": "SELECT customer_id FROM holders",
    "holder_id": "SELECT id FROM holders",
    "tier_id": "SELECT jsonb_array_elements(terms -> 'tiers') ->> 'id' FROM campaign_versions",
    "action_id": "SELECT id FROM async_actions",
    "export_id": "SELECT id FROM exports",
    "resource": "SELECT related_object FROM metadata_schemas",
    "reward_id": "SELECT id FROM rewards",
    "app_id": "SELECT app_id FROM api_keys",
    "webhook_id": "SELECT id FROM webhooks",
    "template_id": "SELECT id FROM message_templates",
    "distribution_id": "SELECT id FROM distributions",
    "message_id": "SELECT id FROM messages",
    "version": "VALUES (1)",
    "reconciliation_id": "SELECT id FROM reconciliations",
    "item_id": "SELECT id FROM reconciliation_items",
    "incident_id": "SELECT id FROM incidents",
    "rule_id": "SELECT id FROM validation_rules",
    "rule": "SELECT id FROM validation_rules",
    "related_object_id": "SELECT id FROM campaigns",
    "segment_id": "SELECT id FROM segments",
    "provider": "SELECT DISTINCT provider FROM orders",
    "campaign": "SELECT id FROM campaigns",
    "campaign_type": "VALUES ('REFERRAL_PROGRAM')",
    "voucher_type": "VALUES ('DISCOUNT_VOUCHER')",
    "referrer_id": "SELECT referrer_id FROM referrals",
    "referee_id": "SELECT referee_id FROM referrals",
    "recipient_id": "SELECT recipient_id FROM grants",
    "customer": "SELECT id FROM customers",
    "voucher": "SELECT code FROM vouchers",
    "order_source_id": "SELECT order_source_id FROM referrals WHERE order_source_id IS NOT NULL",
    "email": "SELECT email FROM customers WHERE email IS NOT NULL",
    "name": "SELECT name FROM customers WHERE name IS NOT NULL",
    "city": "SELECT address ->> 'city' FROM customers WHERE address IS NOT NULL",
    "source_id": "SELECT source_id FROM publications WHERE source_id IS NOT NULL",
    "key": "SELECT key FROM orders",
    "account": "SELECT account FROM ledger_entries",
    "subject": "SELECT subject FROM ledger_entries",
    "kind": "SELECT kind FROM grants",
    "/v1/ledger/transactions kind": "SELECT kind FROM ledger_entries",
    "type": "VALUES ('grant.delivered')",
    "/v1/customers/{customer_id}/activity type": "VALUES ('customer.referred')",
    "/v1/reconciliations status": "VALUES ('completed')",
    "q": "SELECT name FROM customers WHERE name IS NOT NULL UNION ALL VALUES ('zyxqvut nobody')",
    "year": "SELECT extract(year FROM now())::int",
    **dict.fromkeys(
        ("from", "created_at[after]", "updated_at[after]", "start_date"),
        "SELECT to_char(now() - interval '7 days', 'YYYY-MM-DD\"T00:00:00Z\"')",
    ),
    **dict.fromkeys(
        ("to", "created_at[before]", "updated_at[before]", "end_date", "at", "as_of"),
        "SELECT to_char(now(), 'YYYY-MM-DD\"T00:00:00Z\"')",
    ),
    "/v1/campaigns/{campaign_id}/summary start_date": "SELECT (now() - interval '7 days')::date",
    "/v1/campaigns/{campaign_id}/summary end_date": "SELECT now()::date",
}
"""SQL that gives a parameter's values: for one operation, else for all."""
_NONE = "none-that-is-there"
"""Used where there is no row: to find nothing takes time too."""
_MANY = 200


class Question(NamedTuple):
    """One way to call one operation. Its values are drawn again for each call."""

    name: str
    path: str
    values: dict[str, list[str]]
    """The values of each parameter, in the path and in the query."""

    def draw(self, dice: random.Random) -> tuple[str, dict[str, str]]:
        """Draw values; return a path and its query."""
        drawn = {name: dice.choice(values) for name, values in self.values.items()}
        in_path = {name: drawn.pop(name) for name in list(drawn) if f"{{{name}}}" in self.path}
        return self.path.format(**in_path), drawn


async def questions(connection: asyncpg.Connection, document: dict[str, Any]) -> list[Question]:
    """Every question about the operations of this document."""
    found: list[Question] = []
    for path, parameters in operations(document):
        needed = {
            p["name"]: await _values(connection, document, path, p)
            for p in parameters
            if p.get("required")
        }
        found.append(Question(f"GET {path}", path, needed))
        for parameter in (p for p in parameters if narrows(p)):
            name = parameter["name"]
            values = await _values(connection, document, path, parameter)
            listed = [[one] for one in values] if words(document, parameter) else [values]
            for some in listed:
                shown = some[0] if len(listed) > 1 else "…"
                asked = Question(f"GET {path}?{name}={shown}", path, needed | {name: some})
                found.append(asked)
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, list[Parameter]]]:
    """The path and the parameters of each GET operation."""
    for path, methods in document["paths"].items():
        if "get" in methods:
            yield path, methods["get"].get("parameters", [])


def narrows(parameter: Parameter) -> bool:
    """Whether the parameter is optional, and changes which rows are read or how they are sorted."""
    return not parameter.get("required") and parameter["name"] not in PLACES | OPTIONS


def words(document: dict[str, Any], parameter: Parameter) -> list[str]:
    """The only values that a parameter accepts, if it is an enumeration."""
    schema = parameter["schema"]
    for one in (schema, *schema.get("anyOf", ())):
        if "$ref" in one:
            one = document["components"]["schemas"][one["$ref"].rpartition("/")[2]]
        if one.get("type") == "boolean":
            return ["true", "false"]
        if "enum" in one:
            return [str(word) for word in one["enum"]]
    return []


def source(path: str, name: str) -> str | None:
    """SQL of a parameter's values."""
    return VALUES.get(f"{path} {name}") or VALUES.get(name)


async def _values(
    connection: asyncpg.Connection, document: dict[str, Any], path: str, parameter: Parameter
) -> list[str]:
    if listed := words(document, parameter):
        return listed
    query = source(path, parameter["name"])
    table = f"SELECT v FROM ({query}) AS t(v) WHERE v IS NOT NULL"
    rows = await connection.fetch(f"{table} LIMIT {_MANY}")
    return [str(row["v"]) for row in rows] or [_NONE]
