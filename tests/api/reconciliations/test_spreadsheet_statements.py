"""Statements as spreadsheets write them, and what in them stops the file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from domain.roles import Role
from store.database import Database
from store.tables import Reconciliation
from tests.api.api_app import client_of, headers_for
from tests.api.api_bodies import made, refused
from tests.builders import rows

URL = "/v1/reconciliations"
WHERE = {"provider": "giftbit", "from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"}
MAPPING: dict[str, Any] = {
    "columns": {"provider_order_id": "Auftrag", "amount": "Betrag", "created_at": "Datum"},
    "decimal": ",",
    "currency": "EUR",
}
FILE = "Auftrag;Betrag;Datum;Größe\nG1;1.015,00;2026-10-05 10:00;x\n"
CSV = {"Content-Type": "text/csv"}


@pytest_asyncio.fixture
async def finance_desk(
    app_with_temporal: FastAPI, database: Database
) -> AsyncIterator[httpx.AsyncClient]:
    headers = await headers_for(database, Role.FINANCE)
    async with client_of(app_with_temporal, headers) as client:
        await made(client.put(f"{URL}/mappings/giftbit", json=MAPPING))
        yield client


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
async def test_each_encoding_and_a_semicolon_that_the_mapping_did_not_name(
    finance_desk: httpx.AsyncClient, encoding: str
) -> None:
    file = FILE.encode(encoding)
    begun = await made(
        finance_desk.post(f"{URL}/statements", params=WHERE, content=file, headers=CSV), 202
    )
    assert begun["progress"]["lines"] == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("G2;15.00;2026-10-05;x", "no number with the decimal mark"),
        ("G2;1,500;2026-10-05;x", "three decimals"),
        ("G2;" + "9" * 20 + ";2026-10-05;x", "more than a line can hold"),
        ("G2;15,00;9999-12-31T23:59:59-05:00;x", "the year must lie between"),
        ("G2;15,00;0001-01-01;x", "the year must lie between"),
        ("4,71E+15;15,00;2026-10-05;x", "a spreadsheet has shortened"),
        ("G\x002;15,00;2026-10-05;x", "holds a NUL"),
        ("G2;15,00;2026\x00-10-05;x", "holds a NUL"),
        ('G2;"15,00;2026-10-05;x', "unexpected end of data"),
    ],
)
async def test_one_wrong_line_stops_the_file_and_leaves_nothing(
    finance_desk: httpx.AsyncClient, database: Database, line: str, words: str
) -> None:
    file = (FILE + line + "\n").encode()
    answer = await finance_desk.post(f"{URL}/statements", params=WHERE, content=file, headers=CSV)
    refused(answer, 400, "invalid_payload", "/file")
    assert words in answer.json()["detail"]
    assert "line 3" in answer.json()["detail"] or "unexpected end" in words
    assert await rows(database, Reconciliation) == []


async def test_a_header_that_does_not_fit_says_what_it_has(finance_desk: httpx.AsyncClient) -> None:
    answer = await finance_desk.post(
        f"{URL}/statements", params=WHERE, content=b"Order;Value\nG1;1\n", headers=CSV
    )
    refused(answer, 400, "invalid_payload", "/file")
    assert "lacks the column 'Auftrag'; it has 'Order;Value'" in answer.json()["detail"]
