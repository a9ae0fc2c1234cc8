"""The end of the demo: compares the provider's book with our grants, to the cent."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from cli.demo import programme
from cli.demo.client import DemoFailed, everything

PROVIDER = "giftcard-partners"

Card = tuple[str, int, str]
"""Order key, face value in minor units, currency."""


async def check_books(client: httpx.AsyncClient, simulator_url: str, out: Console) -> None:
    """Print the summary; raise DemoFailed on any difference."""
    grants = await everything(client, "/v1/grants")
    balances = {
        account["account"]: account["balance"]
        for account in await everything(client, "/v1/ledger/balances")
    }
    async with httpx.AsyncClient(base_url=simulator_url) as judge:
        answer = await judge.get("/_control/book", params={"provider": PROVIDER})
    book: list[dict[str, Any]] = answer.json()
    out.print(_cards(grants, book))
    out.print(_funds(balances, book))
    differences = compare(grants, book) + compare_ledger(balances, book)
    if differences:
        raise DemoFailed("; ".join(differences))
    out.print("Grants, ledger and the provider's book agree to the cent.", style="bold green")


def compare(grants: Sequence[dict[str, Any]], book: Sequence[dict[str, Any]]) -> list[str]:
    """The differences between the grants, the book and what five friends earn; empty if they agree.

    `grants` are those of `GET /v1/grants`, `book` the rows of `GET /_control/book`."""
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


def compare_ledger(balances: dict[str, int], book: Sequence[dict[str, Any]]) -> list[str]:
    """The differences between the ledger and the provider's book; empty if they agree."""
    face, charged = (sum(row[name] for row in book) for name in ("amount", "charged"))
    wanted = {
        "spent": face,
        "available": programme.BUDGET - face,
        "reserved": 0,
        "committed": 0,
        "deposit": -charged,
    }
    return [
        f"the ledger's {name} is {money(_balance(balances, name))}, not {money(amount)}"
        for name, amount in wanted.items()
        if _balance(balances, name) != amount
    ]


def money(amount: int) -> str:
    """Minor units for people: 1234500 is `12,345.00 USD`."""
    return f"{Decimal(amount).scaleb(-2):,.2f} {programme.CURRENCY}"


def _balance(balances: dict[str, int], name: str) -> int:
    """The balance of the account with that name: there is one campaign and one provider."""
    return sum(balance for account, balance in balances.items() if account.endswith(f"/{name}"))


def _card(order: dict[str, Any]) -> Card:
    return order["key"], order["face_amount"], order["currency"]


def _say(card: Card) -> str:
    return f"{card[0]} over {money(card[1])}"


def _cards(grants: Sequence[dict[str, Any]], book: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="Gift cards", title_justify="left")
    for heading in ("of", "granted", "in the provider's book", "together"):
        table.add_column(heading, justify="right")
    granted = [grant["order"]["face_amount"] for grant in grants if grant["order"]]
    issued = [row["amount"] for row in book]
    for amount in sorted({*granted, *issued}):
        count = issued.count(amount)
        table.add_row(money(amount), str(granted.count(amount)), str(count), money(amount * count))
    table.add_section()
    table.add_row("all", str(len(granted)), str(len(issued)), money(sum(issued)))
    return table


def _funds(balances: dict[str, int], book: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="Funds", title_justify="left")
    for heading in ("", "ledger", "provider's book"):
        table.add_column(heading, justify="right")
    face, charged = (sum(row[name] for row in book) for name in ("amount", "charged"))
    table.add_row("budget", money(programme.BUDGET), "")
    table.add_row("spent on cards", money(_balance(balances, "spent")), money(face))
    table.add_row("left", money(_balance(balances, "available")), "")
    table.add_row(
        "charged, with fees and discounts",
        money(-_balance(balances, "deposit")),
        money(charged),
    )
    return table
