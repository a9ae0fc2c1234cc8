"""Every GET operation of `/openapi.json` as questions with real values from the database."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import asyncpg

PATHS = {
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
}
"""Where a path's parameter is found. What is in no table (an export, an import) is not asked."""
_WEEK = "SELECT to_char(now() - interval '7 days', 'YYYY-MM-DD')  || 'T00:00:00Z'"
FILTERS = {
    "campaign_id": PATHS["campaign_id"],
    "campaign": PATHS["campaign_id"],
    "referrer_id": "SELECT referrer_id FROM referrals",
    "referee_id": "SELECT referee_id FROM referrals",
    "recipient_id": "SELECT recipient_id FROM grants",
    "referral_id": PATHS["referral_id"],
    "customer": PATHS["customer_id"],
    "code": PATHS["code"],
    "voucher": PATHS["code"],
    "order_source_id": "SELECT order_source_id FROM referrals WHERE order_source_id IS NOT NULL",
    "email": "SELECT email FROM customers WHERE email IS NOT NULL",
    "name": "SELECT name FROM customers WHERE name IS NOT NULL",
    "source_id": "SELECT source_id FROM publications WHERE source_id IS NOT NULL",
    "key": "SELECT key FROM orders",
    "account": "SELECT account FROM ledger_entries",
    "subject": "SELECT subject FROM ledger_entries",
    "from": _WEEK,
    "created_at[after]": _WEEK,
    "created_at[before]": _WEEK,
    "q": "SELECT name FROM customers WHERE name IS NOT NULL",
}
WORDS = {
    "status": ("completed", "waiting", "delivered"),
    "provider": ("giftcard-partners",),
    "state": ("completed",),
    "kind": ("gift_card",),
    "result": ("SUCCESS",),
    "type": ("grant.delivered",),
}
_MANY = 200


class Question(NamedTuple):
    """One way to ask one operation. `asks` draws its values anew each time."""

    name: str
    path: str
    values: dict[str, list[str]]
    """By parameter, of the path and of the query."""

    def draw(self, dice: random.Random) -> tuple[str, dict[str, str]]:
        """A path and its query."""
        drawn = {name: dice.choice(values) for name, values in self.values.items()}
        in_path = {name: drawn.pop(name) for name in list(drawn) if f"{{{name}}}" in self.path}
        return self.path.format(**in_path), drawn


async def questions(connection: asyncpg.Connection, document: dict[str, Any]) -> list[Question]:
    """Each operation alone, then once with each of its filters."""
    found: list[Question] = []
    for path, operations in document["paths"].items():
        if "get" in operations and path.startswith("/v1/"):
            parameters = operations["get"].get("parameters", [])
            in_path = {
                p["name"]: await _sample(connection, PATHS.get(p["name"], ""))
                for p in parameters
                if p["in"] == "path"
            }
            if not all(in_path.values()):
                continue
            found.append(Question(f"GET {path}", path, in_path))
            for name in (p["name"] for p in parameters if p["in"] == "query"):
                found += [
                    Question(f"GET {path}?{name}={word}", path, in_path | {name: values})
                    async for word, values in _filters(connection, name)
                ]
    return found


async def _filters(
    connection: asyncpg.Connection, name: str
) -> AsyncIterator[tuple[str, list[str]]]:
    if values := await _sample(connection, FILTERS.get(name, "")):
        yield "…", values
    for word in WORDS.get(name, ()):
        yield word, [word]
    if name == "q":
        yield "nothing that is there", ["zyxqvut nobody"]


async def _sample(connection: asyncpg.Connection, query: str) -> list[str]:
    """Some of the values, from all over the table."""
    if not query:
        return []
    table = f"SELECT v FROM ({query}) AS t(v)"
    return [str(row["v"]) for row in await connection.fetch(f"{table} LIMIT {_MANY}")]


def left_out(document: dict[str, Any], asked: list[Question]) -> Iterator[str]:
    """Operations that no question asks."""
    paths = {question.path for question in asked}
    for path, operations in document["paths"].items():
        if "get" in operations and path.startswith("/v1/") and path not in paths:
            yield path
