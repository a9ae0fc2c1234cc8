"""Keeps one provider's catalogue fresh. Started with each worker, and by a schedule."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority

with workflow.unsafe.imports_passed_through():
    from activities.catalogue import CatalogueActivities
    from domain.messages import CATALOGUE_WORKFLOW, provider_queue

_BEHIND_EVERYTHING = Priority(priority_key=5)


@workflow.defn(name=CATALOGUE_WORKFLOW)
class CatalogueWorkflow:
    """One check, which usually finds the stored catalogue still valid."""

    @workflow.run
    async def run(self, provider: str) -> None:
        """Fetch the catalogue if the stored one has expired. Retries a provider that is down until
        the next check is due."""
        await workflow.execute_activity_method(
            CatalogueActivities.refresh_catalogue,
            task_queue=provider_queue(provider),
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=timedelta(seconds=10),
            schedule_to_close_timeout=timedelta(hours=6),
            priority=_BEHIND_EVERYTHING,
        )
