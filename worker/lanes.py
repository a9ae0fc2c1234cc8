"""A provider's lane: the worker of its task queue, which has the provider's rate limit."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from activities.catalogue import CatalogueActivities
from activities.lane import ProviderLane
from activities.orders import OrderActivities
from activities.reversals import TakeBackActivities
from activities.staff import StaffActivities
from domain.messages import provider_queue
from providers.registry import Opened
from store.access.vault import Vault
from store.database import Database
from store.temporal.faults import Faults
from worker import finance
from worker.deployment import deployment
from worker.settings import WorkerSettings


def provider_worker(
    client: Client, database: Database, vault: Vault, opened: Opened, settings: WorkerSettings
) -> Worker:
    lane = ProviderLane(
        database, opened.provider, vault, settings.timing, settings.pace, settings.hooks
    )
    orders, staff = OrderActivities(lane), StaffActivities(lane)
    looks_take = opened.provider.capabilities.requests_per_look
    return Worker(
        client,
        task_queue=provider_queue(opened.provider.name),
        activities=[
            orders.place_order,
            orders.check_order,
            orders.order_of_reward,
            CatalogueActivities(lane).refresh_catalogue,
            staff.resend,
            staff.resolve,
            TakeBackActivities(lane).take_back,
            *finance.activities_of(lane, opened.max_per_second),
        ],
        max_task_queue_activities_per_second=opened.max_per_second / looks_take,
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=settings.timing.claim,
        deployment_config=deployment(settings),
        interceptors=[Faults(database)],
    )
