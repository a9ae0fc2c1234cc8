"""Keeps the catalogues of this worker's providers fresh."""

from __future__ import annotations

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from domain.ids import catalogue_workflow_id
from domain.messages import CATALOGUE_WORKFLOW
from providers.registry import Opened
from store.temporal.start import start
from worker.schedules import repeat

log = structlog.get_logger(__name__)

_LOOKS = 4
"""Checks per lifetime of a catalogue: it is fetched again soon after it has expired."""


async def keep_catalogues(client: Client, providers: dict[str, Opened]) -> None:
    """Check now, and by a schedule from now on.

    If Temporal is briefly down, the next worker that starts sets up what is missing."""
    for name, opened in providers.items():
        try:
            await _look_now(client, name)
            every = opened.provider.capabilities.catalogue_life / _LOOKS
            await repeat(
                client,
                f"guerdon-catalogue-{name}",
                CATALOGUE_WORKFLOW,
                name,
                id=catalogue_workflow_id(name),
                every=every,
                catchup=every,
            )
        except RPCError as error:
            log.warning("catalogue.schedule_failed", provider=name, error=str(error))


async def _look_now(client: Client, provider: str) -> None:
    await start(client, CATALOGUE_WORKFLOW, provider, id=catalogue_workflow_id(provider))
