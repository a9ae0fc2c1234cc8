"""The search over everything that the tests say proves something only if it would find it: each
kind of secret, in each place where one could be told."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from pydantic import SecretStr
from structlog.testing import capture_logs
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from bench.proofs.needles import SHORTEST, Needles
from store.access.vault import Vault
from store.database import Database
from store.orders import claim_links
from store.tables import Order
from tests.builders import add_customer, add_grant, gift_card, one
from tests.ordering import SECRET, VAULT, attempt
from tests.said import answers, gathering, listening, session
from tests.said.gathering import gather_histories, gather_secrets
from tests.said.notes import HISTORY, Notes, Secret, written
from tests.said.searching import search

PLANTED = {
    "a claim link": "https://claim.example/zYx-qvut_4711",
    "a challenge answer": "zYxqvut4711",
    "the address of a webhook": "kWjzzq-pqowieur_0815",
    "a token": "gd_zyxQvuT4711zyxqvut",
    "an e-mail": "z@qu.io",
    "a phone number": "+15550987",
}
KEY = "enl4cXZ1dHp5eHF2dXR6eXhxdnV0enl4cXZ1dHp5eHE="


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notes]:
    """A collection of the test's own: what it plants is told nobody else."""
    own = Notes()
    own.begin(tmp_path / "own.notes")
    for listener in (answers, gathering, listening, session):
        monkeypatch.setattr(listener, "NOTES", own)
    yield own
    own.end()


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize("before", ["", "x", "xy", "xyz", '{"url": "https://a/'])
def test_a_needle_is_found_wherever_it_begins(kind: str, before: str) -> None:
    needles = Needles({kind: [PLANTED[kind]]})
    (found,) = needles.found_in(f"{before}{PLANTED[kind].upper()}y")
    assert needles.kinds[found] == kind


def test_a_needle_is_found_as_json_and_urls_hold_it() -> None:
    needles = Needles({"an e-mail": ["Zyxqvüt&co@example.com"]})
    assert needles.found_in('"zyxqv\\u00fct\\u0026co@example.com"')
    assert needles.found_in("GET /v1/customers?email=zyxqv%C3%BCt%26co%40example.com")


def test_a_needle_is_told_by_its_line_and_is_no_chance() -> None:
    needles = Needles({"a token": [PLANTED["a token"], "x" * (SHORTEST - 1)]})
    text = f"quiet {'x' * SHORTEST}\nstill\u00fc\n\\u00fc {PLANTED['a token']}\n"
    assert list(needles.lines(text)) == [(3, PLANTED["a token"].lower())]


async def test_each_secret_is_found_in_each_place(
    notes: Notes, temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    for kind, value in PLANTED.items():
        notes.secret(kind, value)
    words = "\n".join(["quiet", *PLANTED.values()])
    places = [*_logged(notes, words, tmp_path), await _answered(words)]
    places.append(await _started(temporal.client, words))
    notes.end()
    found = search(tmp_path)
    assert len(places) == 6
    assert {
        (place, kind)
        for leak in found.leaks
        for place in places
        for kind in PLANTED
        if leak.startswith(place) and leak.endswith(f"holds {kind}")
    } == {(place, kind) for place in places for kind in PLANTED}
    assert f"{tmp_path}/process.log, line 2, holds a claim link" in found.leaks
    assert not [leak for leak in found.leaks for value in PLANTED.values() if value in leak]


def _logged(notes: Notes, words: str, tmp_path: Path) -> list[str]:
    """By the product in this process, by a library, by another process, and as it is printed."""
    with capture_logs():
        structlog.get_logger().info("said", words=words)
    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.setenv("PYTEST_CURRENT_TEST", "tests/elsewhere.py::test (call)")
        logging.getLogger("library").warning(words)
    file = tmp_path / "process.log"
    file.write_text(words)
    notes.log(file)
    report = pytest.TestReport(
        "tests/x.py::test",
        ("", 0, ""),
        {},
        "passed",
        None,
        "teardown",
        [("Captured stdout", words)],
    )
    session.note_printed(report)
    return [
        "the log of tests/test_said.py::test_each",
        "the log of tests/elsewhere.py::test",
        str(file),
        "Captured stdout of tests/x.py::test",
    ]


async def _answered(words: str) -> str:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(404, headers={"X-Request-Id": "req_1"}, text=words)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        await client.get("http://guerdon.test/v1/grants/gr_1")
    return "the 404 of a GET in tests/test_said.py::test_each"


async def _started(client: Client, words: str) -> str:
    handle = await client.start_workflow("Nobodys", words, id="planted", task_queue="nobodys")
    await handle.terminate()
    query = "WorkflowId = 'planted'"
    while not [each async for each in client.list_workflows(query)]:
        await asyncio.sleep(0.05)
    await gather_histories(client, query)
    return HISTORY.format("planted")


async def test_each_secret_is_gathered(
    notes: Notes, database: Database, database_url: str, tmp_path: Path
) -> None:
    await add_customer(database, email="zyxqvut@example.com", phone="+15550987601")
    claimed = await attempt(database, (await add_grant(database, gift_card())).id)
    async with database.transaction() as tx:
        await claim_links.keep(tx, claimed.order_id, SECRET, VAULT)
    await gather_secrets(database_url)
    SecretStr("configured-zyxqvut")
    Vault(f"k9:{KEY}")
    await _asked()
    notes.end()
    noted = {note for note in written(tmp_path / "own.notes") if isinstance(note, Secret)}
    token = (await one(database, Order, id=claimed.order_id)).hook_token
    assert noted >= {
        Secret("an e-mail", "zyxqvut@example.com"),
        Secret("a phone number", "15550987601"),
        Secret("the address of a webhook", token),
        Secret("a claim link", SECRET.link),
        Secret("a challenge answer", str(SECRET.challenge_answer)),
        Secret("a configured secret", "configured-zyxqvut"),
        Secret("an encryption key", KEY),
        Secret("a token", PLANTED["a token"]),
        Secret("an e-mail", "no-address@zyxqvut"),
    }


async def _asked() -> None:
    """Somebody calls the API, with what is not even an address."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"X-Request-Id": "req_1"})

    headers = {"X-App-Token": PLANTED["a token"]}
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        body = {"email": "no-address@zyxqvut"}
        await client.post("http://guerdon.test/v1/customers", json=body, headers=headers)


CONFTEST = """
from tests.said.listening import listen
from tests.said.session import Discretion
listen()
def pytest_configure(config): config.pluginmanager.register(Discretion(config))
"""
TELLING = """
from pydantic import SecretStr
def test_tells(): print("quiet"); print(SecretStr("zyxqvut-4711").get_secret_value())
"""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("options", [[], ["-p", "xdist", "-n", "1"]])
def test_a_run_that_told_something_fails(options: list[str], tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_telling.py").write_text(TELLING)
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-c", os.devnull, "--rootdir", str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    where = "Captured stdout call of test_telling.py::test_tells, line 2, holds a configured secret"
    assert f"LEAK: {where}" in done.stdout
    assert "zyxqvut-4711" not in done.stdout
