"""Files as spreadsheets write them, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from store.database import Database
from store.imports.handlers import work_off_part
from tests.api.api_bodies import campaign_body, made, refused

PEOPLE = 'Source_id;Name;City\nu1;Zoë Müller;Besançon\nu2;"two\nlines";Orléans\n'
CUSTOMERS = "/v1/customers/importCSV"


def sent(contents: bytes) -> dict[str, Any]:
    return {"file": ("customers.csv", contents, "text/csv")}


async def worked_off(database: Database, answer: dict[str, Any]) -> None:
    while await work_off_part(database, answer["async_action_id"]):
        pass


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
async def test_each_encoding_and_a_semicolon(
    service: httpx.AsyncClient, database: Database, encoding: str
) -> None:
    accepted = await made(service.post(CUSTOMERS, files=sent(PEOPLE.encode(encoding))), 202)
    await worked_off(database, accepted)
    assert (await made(service.get("/v1/customers/u1")))["name"] == "Zoë Müller"
    two = await made(service.get("/v1/customers/u2"))
    assert (two["name"], two["metadata"]) == ("two\nlines", {"City": "Orléans"})


async def test_tabs(service: httpx.AsyncClient, database: Database) -> None:
    file = PEOPLE.replace(";", "\t").encode("utf-16")
    await worked_off(database, await made(service.post(CUSTOMERS, files=sent(file)), 202))
    assert (await made(service.get("/v1/customers/u1")))["name"] == "Zoë Müller"


async def test_a_shortened_id_is_one_rows_error(
    service: httpx.AsyncClient, database: Database
) -> None:
    file = b"Source_id;Name\n4,71E+15;One\n4,71E+15;Other\nu3;Third\n"
    accepted = await made(service.post(CUSTOMERS, files=sent(file)), 202)
    await worked_off(database, accepted)
    action = await made(service.get(f"/v1/async-actions/{accepted['async_action_id']}"))
    assert [wrong["row"] for wrong in action["result"]["failed"]] == [1, 2]
    assert "format the column as text" in action["result"]["failed"][0]["message"]
    assert (await made(service.get("/v1/customers")))["total"] == 1


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (
            b"Name;Email\nJane;j@x.com\n",
            "expected a Source_id column (or Id), found 'Name', 'Email'",
        ),
        (b"Source_id,Name\nu1,x\x00y\n", "line 2: holds a NUL character"),
        (b"Source_id,Na\x00me\nu1,x\n", "line 1: holds a NUL character"),
        (b'Source_id,Name\nu1,"x\nu2,y\n', "line 3: unexpected end of data"),
        ("Source_id,Name\nu1,Иван Петров\n".encode("cp1251"), "Save it as CSV UTF-8"),
        (b"", "empty"),
        (b"\xff\xfeS\x00o\x00", "expected a Source_id column"),
        (b"\xff\xfe\x00\xd8", "cannot be read as text"),
    ],
)
async def test_an_unreadable_file_is_refused_with_what_was_expected_and_found(
    unchanged: httpx.AsyncClient, contents: bytes, words: str
) -> None:
    answer = await unchanged.post(CUSTOMERS, files=sent(contents))
    refused(answer, 400, "invalid_payload", "/file")
    assert words in answer.json()["detail"]


async def test_codes_in_windows_letters_whole_days_and_wrong_numbers(
    service: httpx.AsyncClient, database: Database
) -> None:
    body = campaign_body(timezone="Asia/Tokyo")
    campaign = await made(service.post("/v1/campaigns", json=body))
    file = (
        "Code;Redemption limit;Expiration date;ville\n"
        "A-1;10;2031-12-31;Besançon\n"
        "A-2;1.000;;x\n"
        "A-3;;20311231;x\n"
        "A-4;;9999-12-31T23:59:59-05:00;x\n"
    )
    path = f"/v1/campaigns/{campaign['id']}/importCSV"
    accepted = await made(service.post(path, files=sent(file.encode("cp1252"))), 202)
    await worked_off(database, accepted)
    action = await made(service.get(f"/v1/async-actions/{accepted['async_action_id']}"))
    assert [wrong["row"] for wrong in action["result"]["failed"]] == [2, 3, 4]
    code = await made(service.get("/v1/vouchers/A-1"))
    assert (code["metadata"], code["redemption"]["quantity"]) == ({"ville": "Besançon"}, 10)
    assert code["expiration_date"] == "2031-12-31T15:00:00Z"
    async with database.reading() as session:
        left = await session.scalar(text("SELECT count(*) FROM action_parts"))
        assert left == 0
