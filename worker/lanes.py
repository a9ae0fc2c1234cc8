"""A provider's lane: the worker of its task queue, with the provider's rate limit."""

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
from store.orders.hints_line import HintsLine
from store.temporal.faults import Faults
from worker import finance
from worker.deployment import deployment
from worker.settings import WorkerSettings

_AMPLE = 20.0
"""Orders are followed where the lane allows at least this many requests a second. A slower lane
keeps its requests for orders."""


def provider_worker(
    client: Client,
    database: Database,
    vault: Vault,
    opened: Opened,
    settings: WorkerSettings,
    hints: HintsLine | None = None,
) -> Worker:
    requests = opened.provider.capabilities.requests_per_look
    follows = hints if opened.max_per_second >= _AMPLE else None
    if follows:
        requests += 1  # an activity may place an order, and then look at it
    lane = ProviderLane(
        database, opened.provider, vault, settings.timing, settings.pace, settings.hooks, follows
    )
    orders, staff = OrderActivities(lane), StaffActivities(lane)
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
        max_task_queue_activities_per_second=opened.max_per_second / requests,
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=settings.timing.claim,
        deployment_config=deployment(settings),
        interceptors=[Faults(database)],
    )
