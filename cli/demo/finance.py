"""The demo's end: the provider's book beside our grants, to the cent."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from cli.demo import programme
from cli.demo.client import DemoFailed, everything

Card = tuple[str, int, str]
"""Order key, face value in minor units, currency."""


async def check_books(client: httpx.AsyncClient, simulator_url: str, out: Console) -> None:
    """Print the summary; raise DemoFailed on any difference."""
    grants = await everything(client, "/v1/grants")
    async with httpx.AsyncClient(base_url=simulator_url) as judge:
        answer = await judge.get("/_control/book", params={"provider": "giftcard-partners"})
    book: list[dict[str, Any]] = answer.json()
    out.print(_summary(grants, book))
    differences = compare(grants, book)
    if differences:
        raise DemoFailed("; ".join(differences))
    out.print("The provider's book equals the grants to the cent.", style="bold green")


def compare(grants: Sequence[dict[str, Any]], book: Sequence[dict[str, Any]]) -> list[str]:
    """What differs between the grants, the book and what five friends earn; nothing if all is well.

    `grants` are those of `GET /v1/grants`, `book` the rows of `GET /_control/book`.
    """
    ours = Counter(_card(grant["order"]) for grant in grants if grant["order"])
    theirs = Counter((row["key"], row["amount"], row["currency"]) for row in book)
    differences = [
        f"grant {g['id']} is {g['status']}" for g in grants if g["status"] != "delivered"
    ]
    differences += [f"the book lacks {_say(card)}" for card in (ours - theirs).elements()]
    differences += [f"only the book has {_say(card)}" for card in (theirs - ours).elements()]
    issued = sorted(row["amount"] for row in book if row["state"] == "issued")
    if issued != programme.EXPECTED:
        differences.append(f"cards of {programme.EXPECTED} were due, {issued} were issued")
    return differences


def money(amount: int) -> str:
    """Minor units as a person reads them: 1234500 is `12,345.00 USD`."""
    return f"{amount // 100:,}.{amount % 100:02d} {programme.CURRENCY}"


def _card(order: dict[str, Any]) -> Card:
    return order["key"], order["face_amount"], order["currency"]


def _say(card: Card) -> str:
    return f"{card[0]} over {money(card[1])}"


def _summary(grants: Sequence[dict[str, Any]], book: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="Finance summary", title_justify="left")
    for heading in ("Gift cards of", "granted", "in the provider's book", "amount in the book"):
        table.add_column(heading, justify="right")
    orders = [grant["order"] for grant in grants if grant["order"]]
    for amount in sorted({row["amount"] for row in book} | {o["face_amount"] for o in orders}):
        granted = sum(order["face_amount"] == amount for order in orders)
        cards = sum(row["amount"] == amount for row in book)
        table.add_row(money(amount), str(granted), str(cards), money(amount * cards))
    total = sum(row["amount"] for row in book)
    table.add_section()
    table.add_row("all", str(len(orders)), str(len(book)), money(total))
    charged = sum(order["charged_amount"] or 0 for order in orders)
    table.add_row("charged by the provider", "", "", money(charged))
    table.add_row("budget", "", "", money(programme.BUDGET))
    table.add_row("budget left", "", "", money(programme.BUDGET - total))
    return table
