"""A provider's catalogue, from a worker's start to the table that the API reads."""

from __future__ import annotations

import pytest

from domain.ids import catalogue_workflow_id
from providers.registry import open_configured
from store.tables import Catalogue, Event
from tests.builders import one, rows
from tests.workflows.case import eventually
from tests.workflows.stage import Stage
from worker.catalogues import keep_catalogues

PROVIDER = "giftcard-partners"


async def test_a_worker_that_starts_has_it_fetched_once_and_sets_up_the_next_look(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = {"URL": stage.simulator.url, "EMAIL": "a@b.co", "ACCESS_TOKEN": "x"}
    for name, value in section.items():
        monkeypatch.setenv(f"GUERDON_GIFTCARD_PARTNERS_{name}", value)
    lane = open_configured(within=1)
    stage.watch(catalogue_workflow_id(PROVIDER))
    await keep_catalogues(stage.client, lane)
    await eventually(lambda: rows(stage.database, Catalogue))
    await keep_catalogues(stage.client, lane)
    handle = stage.client.get_workflow_handle(catalogue_workflow_id(PROVIDER))
    await handle.result()
    assert "CVS" in [product["id"] for product in (await one(stage.database, Catalogue)).products]
    assert len(await rows(stage.database, Event, type="catalogue.fetched")) == 1
    schedule = stage.client.get_schedule_handle(f"guerdon-catalogue-{PROVIDER}")
    described = await schedule.describe()
    assert described.schedule.action.id == catalogue_workflow_id(PROVIDER)
    (interval,) = described.schedule.spec.intervals
    assert 4 * interval.every == lane[PROVIDER].provider.capabilities.catalogue_life
    await schedule.delete()
    await lane[PROVIDER].provider.close()
