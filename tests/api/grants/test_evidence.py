"""Evidence: whole, chained, and without a person in it."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cli.evidence import run
from domain.evidence import Evidence, Signature, chain, first_wrong, signed_text
from store.database import Database
from store.ledger.seals import seal_next
from store.tables import Grant, Order, Referral
from tests.api.api_bodies import made, refused
from tests.builders import add_customer, add_programme, every_friend, gift_card, one, qualify, terms
from tests.ordering import deliver

SECTIONS = [
    *("terms", "conversion", "verdicts", "grant", "orders", "attempts", "provider_answers"),
    *("ledger", "seals"),
]


async def _delivered(database: Database) -> Grant:
    """A delivered card of a person whose every word is easily found again."""
    friend = await add_customer(
        database, name="Zyxqvut Brmblfrd", email="zyxqvut@example.com", source_id="zyx-source"
    )
    programme = await add_programme(database, terms(every_friend(gift_card()), referee_reward=None))
    decision = await qualify(database, programme.code, friend)
    grant_id = decision.grants[0].grant_id
    await deliver(database, grant_id)
    return await one(database, Grant, id=grant_id)


async def _evidence(client: httpx.AsyncClient, grant: Grant) -> Evidence:
    return Evidence.model_validate(await made(client.get(f"/v1/grants/{grant.id}/evidence")))


async def test_evidence_contains_every_section(
    finance: httpx.AsyncClient, database: Database
) -> None:
    grant = await _delivered(database)
    assert await seal_next(database)
    found = await _evidence(finance, grant)
    told = {section.name: section.content for section in found.sections}
    assert list(told) == SECTIONS
    assert told["terms"]["version"] == 1
    assert all(verdict["passed"] for verdict in told["verdicts"])
    (order,) = told["orders"]
    assert (order["state"], order["face_amount"]) == ("issued", 1500)
    assert {"reserve", "commit", "charge", "spend"} <= {entry["kind"] for entry in told["ledger"]}
    sums = [entry["amount"] for entry in told["ledger"]]
    assert sum(sums) == 0
    assert len(told["provider_answers"]) >= 1
    assert [seal["block"] for seal in told["seals"]] == [1]
    assert first_wrong(found) is None


async def test_evidence_is_unchanged_after_the_person_is_erased(
    service: httpx.AsyncClient, finance: httpx.AsyncClient, database: Database
) -> None:
    grant = await _delivered(database)
    before = await _evidence(finance, grant)
    text = before.model_dump_json().lower()
    assert not any(word in text for word in ("zyxqvut", "brmblfrd", "zyx-source"))
    referral = await one(database, Referral, id=grant.referral_id)
    for person in (grant.recipient_id, referral.referee_id):
        await made(service.post(f"/v1/customers/{person}/permanent-deletion"))
    assert (await one(database, Order, grant_id=grant.id)).request is None
    assert await _evidence(finance, grant) == before


@pytest.mark.parametrize("section", ["terms", "ledger", "provider_answers"])
async def test_a_changed_section_is_named(
    finance: httpx.AsyncClient,
    database: Database,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    section: str,
) -> None:
    file = tmp_path / "evidence.json"
    body = await made(finance.get(f"/v1/grants/{(await _delivered(database)).id}/evidence"))
    file.write_text(json.dumps(body))
    assert run(file) == 0
    next(one for one in body["sections"] if one["name"] == section)["content"] = []
    file.write_text(json.dumps(body))
    assert run(file) == 1
    assert f"Section {section}" in capsys.readouterr().out
    file.write_text("{}")
    assert run(file) == 2


async def test_a_section_that_was_rehashed_fails_the_signature(
    finance: httpx.AsyncClient, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "evidence.json"
    given = await _evidence(finance, await _delivered(database))
    key = (await made(finance.get("/v1/evidence-key")))["public_key"]
    file.write_text(given.model_dump_json())
    assert run(file) == 0
    assert run(file, key) == 0
    sections = {section.name: section.content for section in given.sections}
    sections["orders"][0]["face_amount"] = 99_00
    forged = chain(given.grant_id, sections)
    assert first_wrong(forged) is None
    own = Ed25519PrivateKey.generate()
    signed = Signature(
        public_key=own.public_key().public_bytes_raw().hex(),
        value=own.sign(signed_text(forged)).hex(),
    )
    for signature, trusted in ((None, None), (given.signature, None), (signed, key)):
        file.write_text(forged.model_copy(update={"signature": signature}).model_dump_json())
        assert run(file, trusted) == 1


async def test_only_some_roles_may_read_evidence(
    service: httpx.AsyncClient, finance: httpx.AsyncClient
) -> None:
    refused(await service.get("/v1/grants/gr_x/evidence"), 403, "forbidden")
    refused(await finance.get("/v1/grants/gr_x/evidence"), 404, "resource_not_found")
