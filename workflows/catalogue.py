"""Fired when a worker starts, and by a schedule: keeps one provider's catalogue fresh."""

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
    """One look, which most often finds that it is too early to ask again."""

    @workflow.run
    async def run(self, provider: str) -> None:
        """Fetch the catalogue if what is stored has lapsed. A provider that is down is asked again
        until the next look is due."""
        await workflow.execute_activity_method(
            CatalogueActivities.refresh_catalogue,
            task_queue=provider_queue(provider),
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=timedelta(seconds=10),
            schedule_to_close_timeout=timedelta(hours=6),
            priority=_BEHIND_EVERYTHING,
        )
