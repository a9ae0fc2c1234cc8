"""Changes a provider's book unnoticed, for tests of reconciliation."""

from typing import Any

from simulator.book import Order
from simulator.provider import Provider


def tamper(provider: Provider, body: dict[str, Any]) -> dict[str, Any]:
    """Apply `remove`, `change` and `add`, and return how many orders each one touched.

    `change` sets `amount` (face value of each card, minor units), `charged` (its cost), `card`
    (each card's own status, in the provider's word, where cards have one) and `state` (the judge's
    word, or a word of the provider's own, shown as it stands). `add` makes an
    order that nobody placed; its key may be one that is taken."""
    with provider.world.db.transaction():
        removed = [_remove(provider, key) for key in body.get("remove", [])]
        changed = [_change(provider, change) for change in body.get("change", [])]
        for card in body.get("add", []):
            _add(provider, card)
    return {"removed": sum(removed), "changed": sum(changed), "added": len(body.get("add", []))}


def _remove(provider: Provider, key: str) -> int:
    orders = provider.world.book.all_by_key(provider.name, str(key))
    for order in orders:
        provider.world.book.remove(order)
    return len(orders)


def _change(provider: Provider, change: dict[str, Any]) -> int:
    orders = provider.world.book.all_by_key(provider.name, change["key"])
    for order in orders:
        for line in order.lines:
            line["amount"] = int(change.get("amount", line["amount"]))
            line["cost"] = int(change.get("charged", line["cost"]))
            if "card" in change:
                line["status"] = change["card"]
        _restate(provider, order, change.get("state"))
        order.doc["tampered"] = True
        provider.world.book.save(order)
    return len(orders)


def _restate(provider: Provider, order: Order, state: str | None) -> None:
    if state is None:
        return
    # What was set here stays: the delivery must not overwrite it.
    order.settled = True
    order.status = provider.statuses.get(state, state)
    if state in provider.statuses:
        order.state = state


def _add(provider: Provider, card: dict[str, Any]) -> None:
    order = provider.adopt(str(card["key"]), int(card["amount"]), str(card["currency"]))
    order.settled = True
    order.state, order.status = "issued", provider.statuses["issued"]
    order.doc["tampered"] = True
    provider.world.book.add(order)
