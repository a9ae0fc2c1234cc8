"""The providers' lanes over HTTP."""

from __future__ import annotations

from datetime import timedelta

import httpx

from domain.grants import Attention
from store.database import Database, now
from store.providers import lanes
from store.tables import Catalogue
from tests.api.api_bodies import made, refused


class TestLanes:
    async def test_are_listed_open_and_stopped(
        self, support: httpx.AsyncClient, database: Database
    ) -> None:
        async with database.transaction() as tx:
            for provider in ("runa", "tango"):
                tx.session.add(
                    Catalogue(provider=provider, products=[], fetched_at=now(), expires_at=now())
                )
            reason = Attention.PROVIDER_MISCONFIGURED
            await lanes.stop(tx, "tango", reason, "HTTP 401", timedelta(minutes=10))
        listed = await made(support.get("/v1/lanes"))
        assert (listed["object"], listed["data_ref"], listed["total"]) == ("list", "data", 2)
        runa, tango = listed["data"]
        assert (runa["id"], runa["state"], runa["since"]) == ("runa", "open", None)
        assert (tango["state"], tango["reason"]) == ("stopped", "provider_misconfigured")
        assert tango["detail"] == "HTTP 401"
        assert "credentials" in tango["resumes"]

    async def test_are_not_a_backend_s(
        self,
        service: httpx.AsyncClient,
        finance: httpx.AsyncClient,
        admin: httpx.AsyncClient,
    ) -> None:
        refused(await service.get("/v1/lanes"), 403, "forbidden")
        for client in (finance, admin):
            assert (await made(client.get("/v1/lanes")))["data"] == []
