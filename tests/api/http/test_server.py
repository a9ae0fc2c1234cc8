"""The process itself: its settings, its health, its documentation, its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from fastapi import FastAPI

from api.http.problems import KINDS
from api.server import make_ready
from domain.roles import Role
from store.access.api_keys import create_key_sync
from store.database import Database
from store.tables import Voucher
from tests.api.api_app import client_of, headers_for, running
from tests.api.api_app import described as application
from tests.api.api_bodies import campaign_body, refused
from tests.builders import add_programme, alter, rows
from tests.said.notes import NOTES, here

GUERDON = Path(sys.executable).with_name("guerdon")


def _environment(database_url: str, **changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUERDON_")}
    return {
        **kept,
        "GUERDON_DATABASE_URL": database_url,
        "GUERDON_ENCRYPTION_KEYS": "k1:MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=",
        "GUERDON_PUBLIC_URL": "http://guerdon.test",
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
    } | changes


@pytest.fixture
def server(database_url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`guerdon api` as a process of its own, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [GUERDON, "api", "--port", str(port)],
        env=_environment(database_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/healthz").is_success:
                break
        except httpx.HTTPError:
            time.sleep(0.1)
    yield process, url
    if process.poll() is None:
        process.kill()
    NOTES.said("log", f"the API's process of {here()}", process.communicate()[0])


class TestProcess:
    def test_serves_and_stops(
        self, server: tuple[subprocess.Popen[str], str], database_url: str
    ) -> None:
        process, url = server
        app_id, token = create_key_sync(database_url, "service")
        headers = {"X-App-Id": app_id, "X-App-Token": token}
        body = {"source_id": "jane", "email": "jane@acme.com"}
        answer = httpx.post(f"{url}/v1/customers", json=body, headers=headers)
        assert answer.status_code == 200

        def chunks() -> Iterator[bytes]:
            for _ in range(30):
                yield b" " * 50_000

        large = httpx.post(
            f"{url}/v1/customers",
            content=chunks(),
            headers=headers | {"Content-Type": "application/json"},
        )
        refused(large, 413, "payload_too_large")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=120)
        assert process.returncode in (0, -signal.SIGTERM)
        lines = [json.loads(line) for line in output.splitlines()]
        assert "http.request" in {line["event"] for line in lines}
        assert "jane" not in output
        assert token not in output

    @pytest.mark.parametrize(
        ("setting", "value"),
        [
            ("GUERDON_PUBLIC_URL", ""),
            ("GUERDON_PUBLIC_URL", "nowhere"),
            ("GUERDON_CURRENCY", "DOLLARS"),
            ("GUERDON_DATABASE_URL", "mysql://x"),
        ],
    )
    def test_wrong_setting_is_named(self, setting: str, value: str) -> None:
        done = subprocess.run(
            [GUERDON, "api", "--port", "0"],
            env=_environment("postgresql://a:b@127.0.0.1:1/c", **{setting: value}),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 2
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert setting in line

    def test_all_missing_settings_are_named_at_once(self) -> None:
        given = _environment("", GUERDON_PUBLIC_URL="", GUERDON_RUNA_URL="http://runa.test")
        without = {"GUERDON_DATABASE_URL", "GUERDON_ENCRYPTION_KEYS"}
        done = subprocess.run(
            [GUERDON, "api", "--port", "0"],
            env={name: value for name, value in given.items() if name not in without},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        for setting in (*without, "GUERDON_PUBLIC_URL", "GUERDON_RUNA_API_KEY"):
            assert setting in line


class TestHealth:
    async def test_a_complete_stack_is_ready(self, app_with_temporal: FastAPI) -> None:
        async with client_of(app_with_temporal) as client:
            response = await client.get("/readyz")
            assert response.json() == {
                "status": "ready",
                "checks": {"database": "ok", "migrations": "ok", "temporal": "ok"},
                "details": [],
            }

    async def test_readiness_fails_while_temporal_is_down(
        self, anonymous: httpx.AsyncClient
    ) -> None:
        assert (await anonymous.get("/healthz")).json() == {"status": "ok"}
        response = await anonymous.get("/readyz")
        refused(response, 503, "temporarily_unavailable")
        assert "temporal" in response.json()["detail"]
        assert "database" not in response.json()["detail"]

    async def test_metrics(self, anonymous: httpx.AsyncClient, admin: httpx.AsyncClient) -> None:
        await anonymous.get("/v1/customers/jane-4711")
        text = (await admin.get("/metrics")).text
        assert 'route="/v1/customers/{customer_id}",status="401"' in text
        assert "guerdon_intake_unsent 0.0" in text
        assert "jane" not in text

    async def test_metrics_are_for_operators_and_for_who_has_the_token(
        self, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GUERDON_METRICS_TOKEN", "prometheus")
        monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
        async with running(database_url) as app, client_of(app) as client:

            async def status(headers: dict[str, str]) -> int:
                return (await client.get("/metrics", headers=headers)).status_code

            assert await status({}) == 401
            assert await status({"Authorization": "Bearer wrong"}) == 401
            assert await status({"Authorization": "Bearer prometheus"}) == 200
            for role in Role:
                right = 200 if role in (Role.OPERATOR, Role.ADMIN) else 403
                assert await status(await headers_for(database, role)) == right

    @pytest.mark.parametrize(
        "path", ["/healthz", "/readyz", "/docs", "/openapi.json", "/v1/customers", "/nothing"]
    )
    async def test_every_answer_has_security_headers(
        self, anonymous: httpx.AsyncClient, path: str
    ) -> None:
        headers = (await anonymous.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "script-src 'unsafe" not in headers["content-security-policy"]

    async def test_docs_need_no_internet(self, anonymous: httpx.AsyncClient) -> None:
        page = await anonymous.get("/docs")
        assert page.status_code == 200
        assert "https://" not in page.text
        script = await anonymous.get("/docs/assets/swagger-ui-bundle.js")
        assert len(script.content) > 100_000


def examples_of(schema: Any, schemas: Any) -> Iterator[tuple[Any, Any]]:
    """A body's examples, each with the part of the schema that it is an example of."""
    yield from ((example, schema) for example in schema.get("examples", []))
    if "$ref" in schema:
        yield from examples_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for part in (*schema.get("anyOf", []), *schema.get("oneOf", []), schema.get("items")):
        if part:
            yield from examples_of(part, schemas)


class TestOpenApi:
    @pytest.fixture
    def document(self, app: FastAPI) -> Any:
        return app.openapi()

    def test_every_post_tells_every_error(self, document: Any) -> None:
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                answers = operation["responses"]
                assert "HTTPValidationError" not in json.dumps(answers)
                for status, answer in answers.items():
                    if int(status) >= 400:
                        content = answer["content"]["application/problem+json"]
                        assert content["schema"]["$ref"].endswith("/Problem")
                        assert content["examples"]
                if path.startswith("/v1"):
                    assert operation["security"] == [{"AppId": [], "AppToken": []}]
                    assert {"401", "403", "500", "503"} <= set(answers)
                if path.startswith("/v1") and "requestBody" in operation:
                    assert {"400", "413", "415"} <= set(answers)
                if path.startswith("/v1") and method == "post":
                    assert {"400", "409", "413", "415", "422"} <= set(answers)

    def test_every_operation_and_parameter_is_explained(self, document: Any) -> None:
        operations = [one for path in document["paths"].values() for one in path.values()]
        names = [operation["operationId"] for operation in operations]
        assert len(names) == len(set(names))
        for operation in operations:
            assert operation["tags"]
            assert operation["summary"]
            assert operation["description"]
            for parameter in operation.get("parameters", []):
                assert parameter["description"], (operation["operationId"], parameter["name"])

    def test_every_body_has_an_example_that_its_schema_takes(self, document: Any) -> None:
        components = document["components"]
        for path, operations in document["paths"].items():
            for operation in operations.values():
                bodies = operation.get("requestBody", {"content": {}})["content"]
                if "application/json" not in bodies:  # a file, if anything
                    continue
                schema = bodies["application/json"]["schema"]
                found = list(examples_of(schema, components["schemas"]))
                assert found, path
                for example, described in found:
                    jsonschema.validate(example, described | {"components": components})

    async def test_examples_work(
        self, document: Any, service: httpx.AsyncClient, database: Database
    ) -> None:
        await service.post("/v1/campaigns", json=campaign_body(name="Refer a friend"))
        await add_programme(database)
        code = (await rows(database, Voucher))[0]
        await alter(database, code, code="REF-8KZQ7WXP")
        for path, schema in (
            ("/v1/customers", None),
            ("/v1/campaigns", "CampaignIn"),
            ("/v1/publications", "PublicationIn"),
            ("/v1/referrals", "ReferralIn"),
            ("/v1/events", "EventIn"),
            ("/v1/redemptions", "RedemptionIn"),
        ):
            body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
            described = document["components"]["schemas"][schema] if schema else body["schema"]
            example = described.get("examples") or body["examples"]
            if path == "/v1/campaigns":
                example[0]["name"] = "Another"
            response = await service.post(path, json=example[0])
            assert response.is_success, response.text

    def test_refers_only_to_what_it_has(self, document: Any) -> None:
        schemas = document["components"]["schemas"]
        assert not [name for name in schemas if "__" in name]
        for part in json.dumps(document).split('"$ref": "#/components/schemas/')[1:]:
            assert part.partition('"')[0] in schemas

    def test_documented_keys_are_the_contracts(self) -> None:
        contract = {
            "invalid_payload missing_customer referrer_not_permitted_to_redeem quantity_exceeded "
            "voucher_disabled voucher_not_active redemption_rules_violated "
            "no_voucher_suitable_for_publication already_referred campaign_not_live "
            "budget_exhausted order_already_used": 400,
            "resource_not_found": 404,
            "duplicate_found idempotency_in_progress not_allowed_in_state "
            "identity_reused ambiguous_order": 409,
            "payload_too_large": 413,
            "unsupported_media_type": 415,
            "idempotency_key_reused": 422,
            "temporarily_unavailable": 503,
        }
        for keys, status in contract.items():
            for key in keys.split():
                assert KINDS[key].status == status


async def test_the_first_request_finds_all_routes_prepared() -> None:
    app = application()
    make_ready(app)
    async with client_of(app, {}) as client:
        began = time.thread_time()
        assert (await client.get("/v1/nothing")).status_code == 404
    assert time.thread_time() - began < 0.2
