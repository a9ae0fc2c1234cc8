"""Whatever is sent, the answer is a problem that says what is wrong, and nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from structlog.testing import capture_logs

from store.database import Database
from tests.api.api_app import client_of, running
from tests.api.api_bodies import made, refused

JSON = {"Content-Type": "application/json"}
Count = Callable[[], Awaitable[dict[str, int]]]


class TestRequestsThatCannotBeRead:
    async def test_unknown_path(self, unchanged: httpx.AsyncClient) -> None:
        refused(await unchanged.get("/v1/nothing"), 404, "resource_not_found")

    async def test_unknown_method(self, unchanged: httpx.AsyncClient) -> None:
        response = await unchanged.delete("/v1/campaigns")
        refused(response, 405, "method_not_allowed")
        assert response.headers["allow"]

    @pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b'{"a":}', b"\xff", b"9" * 5000])
    async def test_not_json(self, unchanged: httpx.AsyncClient, body: bytes) -> None:
        response = await unchanged.post("/v1/customers", content=body, headers=JSON)
        refused(response, 400, "invalid_payload")

    @pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b"1"])
    async def test_not_an_object(self, unchanged: httpx.AsyncClient, body: bytes) -> None:
        response = await unchanged.post("/v1/customers", content=body, headers=JSON)
        refused(response, 400, "invalid_payload")

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
    async def test_other_media_type(self, unchanged: httpx.AsyncClient, kind: str | None) -> None:
        headers = {"Content-Type": kind} if kind else {}
        response = await unchanged.post("/v1/customers", content=b"{}", headers=headers)
        refused(response, 415, "unsupported_media_type")

    async def test_a_large_body_is_refused(self, unchanged: httpx.AsyncClient) -> None:
        body = {"source_id": "x", "metadata": {"a": "a" * 1_000_000}}
        refused(await unchanged.post("/v1/customers", json=body), 413, "payload_too_large")

    async def test_large_body_in_chunks(self, unchanged: httpx.AsyncClient) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(30):
                yield b" " * 50_000

        response = await unchanged.post("/v1/customers", content=chunks(), headers=JSON)
        refused(response, 413, "payload_too_large")

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            (b'{"source_id": "a\\u0000b"}', "/source_id"),
            (b'{"source_id": "a", "metadata": {"b": ["\\ud800"]}}', "/metadata/b/0"),
            (b'{"source_id": "a", "metadata": {"b\\u0000": 1}}', "/metadata"),
            (b'{"source_id": "a", "metadata": {"b": NaN}}', "/metadata/b"),
            (b'{"source_id": "a", "metadata": {"b": 1e999}}', "/metadata/b"),
            (b'{"source_id": "a", "metadata": {"b": -Infinity}}', "/metadata/b"),
        ],
    )
    async def test_text_that_the_database_cannot_store_is_refused(
        self, unchanged: httpx.AsyncClient, body: bytes, pointer: str
    ) -> None:
        response = await unchanged.post("/v1/customers", content=body, headers=JSON)
        refused(response, 400, "invalid_payload", pointer)

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
    @pytest.mark.parametrize(
        ("text", "pointer"),
        [
            ('{"source_id": "a\\u0000b"}', "/source_id"),
            ('{"source_id": "a", "metadata": {"b": "\\ud800"}}', "/metadata/b"),
            ('{"source_id": "a", "metadata": {"b": NaN}}', "/metadata/b"),
            ('{"source_id": "a", "metadata": {"b": 1e400}}', "/metadata/b"),
            ('{"source_id": "a", "metadata": {"b": ' + "1" * 280 + "e30}}", "/metadata/b"),
        ],
    )
    async def test_unstorable_text_in_another_encoding_is_refused(
        self, unchanged: httpx.AsyncClient, encoding: str, text: str, pointer: str
    ) -> None:
        body = text.encode(encoding)
        for path, sent in (("/v1/customers", body), ("/v1/events", body)):
            response = await unchanged.post(path, content=sent, headers=JSON)
            refused(response, 400, "invalid_payload", pointer)

    async def test_the_limit_is_the_one_of_the_path(self, unchanged: httpx.AsyncClient) -> None:
        large = b"[" + b" " * 1_000_001
        answer = await unchanged.post("/v1/customers", content=large, headers=JSON)
        assert answer.json()["detail"] == "The body may have 1 MB here."
        larger = b"[" + b" " * 10_000_001
        answer = await unchanged.post("/v1/customers/bulk/async", content=larger, headers=JSON)
        assert answer.json()["detail"] == "The body may have 10 MB here."

    async def test_nested_too_deeply(self, unchanged: httpx.AsyncClient) -> None:
        body = b'{"source_id": "a", "metadata": {"b": ' + b"[" * 40 + b"]" * 40 + b"}}"
        response = await unchanged.post("/v1/customers", content=body, headers=JSON)
        refused(response, 400, "invalid_payload")

    async def test_text_that_only_looks_suspicious(self, service: httpx.AsyncClient) -> None:
        metadata = {"a": "NaN \\u0000 😀 1e999", "b": [[1]] * 40}
        body = {"source_id": "a", "metadata": metadata}
        answer = await made(service.post("/v1/customers", json=body))
        assert answer["metadata"] == metadata

    @pytest.mark.parametrize("path", ["/v1/customers/a%00b", "/v1/customers?email=a%00b"])
    async def test_nul_in_the_address(self, unchanged: httpx.AsyncClient, path: str) -> None:
        refused(await unchanged.get(path), 400, "invalid_payload")

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=101", "limit=x", "page=0", f"limit={10**30}"]
    )
    async def test_query_out_of_range(self, unchanged: httpx.AsyncClient, query: str) -> None:
        response = await unchanged.get(f"/v1/customers?{query}")
        refused(response, 400, "invalid_payload")
        assert response.json()["errors"][0]["parameter"] == query.partition("=")[0]


class TestPersons:
    """Whoever keeps e-mails as ids gets them repeated by no error."""

    @pytest.mark.parametrize(
        "path", ["customers/jane@acme.com", "vouchers/jane@acme.com", "grants/jane%40acme.com"]
    )
    async def test_are_not_named_by_what_is_not_found(
        self, unchanged: httpx.AsyncClient, path: str
    ) -> None:
        response = await unchanged.get(f"/v1/{path}")
        refused(response, 404, "resource_not_found")
        assert response.json()["resource_id"] == "[e-mail]"
        assert "jane" not in response.text

    async def test_a_pointer_in_an_error_names_no_person(self, admin: httpx.AsyncClient) -> None:
        response = await admin.post("/v1/campaigns", json={"jane@acme.com": 1})
        refused(response, 400, "invalid_payload", "/[e-mail]")
        assert "jane" not in response.text

    async def test_an_error_about_a_parameter_names_no_person_and_stays_readable(
        self, service: httpx.AsyncClient
    ) -> None:
        """A control character becomes an escape in the answer, which must stay whole."""
        response = await service.get("/v1/referrals", params={"\x02jane@acme.com": "1"})
        refused(response, 400, "invalid_payload")
        assert response.json()["errors"][0]["parameter"] == "[e-mail]"
        assert "jane" not in response.text

    async def test_an_error_about_an_export_names_no_person(
        self, service: httpx.AsyncClient
    ) -> None:
        response = await service.post("/v1/exports", json={"exported_object": "jane@acme.com"})
        refused(response, 400, "invalid_payload")
        assert "jane" not in response.text


class TestOwnFailures:
    async def test_unexpected_error_says_nothing(
        self, app: FastAPI, anonymous: httpx.AsyncClient
    ) -> None:
        async def fail() -> None:
            raise KeyError("jane@acme.com")

        app.add_api_route("/fail", fail)
        with capture_logs() as logs:
            response = await anonymous.get("/fail")
        refused(response, 500, "internal_error")
        assert response.json()["detail"] == ""
        (entry,) = [log for log in logs if log["event"] == "http.unexpected"]
        assert entry["error"] == "KeyError"
        assert entry["request_id"] == response.json()["request_id"]
        assert "jane" not in str(logs)

    async def test_database_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
        monkeypatch.setenv("GUERDON_METRICS_TOKEN", "prometheus")
        headers = {"X-App-Id": "app_x", "X-App-Token": "gd_x"}
        async with (
            running("postgresql://guerdon:wrong@127.0.0.1:1/guerdon") as app,
            client_of(app, headers) as client,
        ):
            response = await client.get("/v1/customers")
            refused(response, 503, "temporarily_unavailable")
            assert response.headers["retry-after"] == "1"
            assert (await client.get("/healthz")).status_code == 200
            refused(await client.get("/readyz"), 503, "temporarily_unavailable")
            token = {"Authorization": "Bearer prometheus"}
            assert (await client.get("/metrics", headers=token)).status_code == 200

    async def test_closed_connections_are_replaced(
        self, service: httpx.AsyncClient, database: Database
    ) -> None:
        await made(service.get("/v1/customers"))
        others = (
            "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        async with database.reading() as session:
            await session.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
        for _ in range(200):
            async with database.reading() as session:  # a transaction sees one state of it
                if not await session.scalar(text(f"SELECT count(*) {others}")):
                    break
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)  # the pool learns of it from its sockets
        await made(service.get("/v1/customers"))


class TestLogs:
    async def test_hold_no_person_and_no_secret(
        self, service: httpx.AsyncClient, anonymous: httpx.AsyncClient
    ) -> None:
        jane = {"source_id": "jane-4711", "email": "jane@acme.com", "name": "Jane Doe"}
        with capture_logs() as logs:
            await made(service.post("/v1/customers", json=jane))
            await made(service.get("/v1/customers/jane-4711"))
            await made(service.get("/v1/customers?email=jane@acme.com"))
            await anonymous.post("/hooks/giftcard-partners/the-token", content=b"jane@acme.com")
        told = str(logs)
        for secret in ("jane", "acme", "Doe", "the-token", service.headers["X-App-Token"]):
            assert secret not in told
        assert {log["event"] for log in logs} == {"http.request"}
        assert logs[1]["route"] == "/v1/customers/{customer_id}"
