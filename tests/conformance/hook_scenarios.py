"""What can happen to a webhook. It is a hint and no more: it leads to a look at the order."""

from __future__ import annotations

from collections.abc import Callable

from domain.messages import Next, Step
from providers.runa import Runa
from providers.tremendous import Tremendous
from providers.webhooks import ProviderEvent
from store.tables import Order
from tests.builders import rows
from tests.conformance.adapters_under_test import UNDER_TEST
from tests.conformance.hooks_received import Hook
from tests.conformance.scene import Scene

_EVENTS = {"tremendous": 2}
"""Webhooks that one order gives: its creation and its delivery. Elsewhere its completion alone."""


async def webhook_duplicate(scene: Scene) -> None:
    """Each one comes twice, under one event id: the second changes nothing."""
    grant_id = await scene.grant()
    await scene.side.fail(webhook_duplicate=1)
    assert (await scene.lane.answered(grant_id)).next is Next.FOLLOW
    hooks = await scene.hooks.arrived(2 * _EVENTS.get(scene.name, 1))
    steps = [step for hook in hooks for step in await _heard(scene, hook)]
    assert steps[-1].next is Next.REST
    assert len({_event_id(scene, hook) for hook in hooks}) == len(hooks) / 2
    assert await scene.told("grant.delivered") == 1


async def webhook_reordered(scene: Scene) -> None:
    """Those of two orders come in the reverse of their order."""
    first, second = await scene.grant(), await scene.grant()
    for grant_id in (first, second):
        assert (await scene.lane.answered(grant_id)).next is Next.FOLLOW
    hooks = await scene.hooks.arrived(2 * _EVENTS.get(scene.name, 1))
    for hook in reversed(hooks):
        assert await _heard(scene, hook)
    assert await scene.told("grant.delivered") == 2


async def webhook_early(scene: Scene) -> None:
    """It comes before the order's own answer: there is nothing to look at yet, and no harm."""
    grant_id = await scene.grant()
    early: list[Step] = []

    async def hear(hook: Hook) -> None:
        early.extend(await _heard(scene, hook))

    scene.hooks.hear = hear
    await scene.side.fail(webhook_early=1)
    await scene.lane.answered(grant_id)
    assert scene.hooks.hooks, "it came before the answer"
    assert all(step.next is Next.ORDER for step in early[:1])
    scene.hooks.hear = None
    await scene.lane.to_rest(grant_id)


async def webhook_lost(scene: Scene) -> None:
    """None comes: the poll finds out."""
    grant_id = await scene.grant()
    await scene.side.fail(webhook_lost=1)
    await scene.lane.to_rest(grant_id)
    assert await scene.side.count("webhooks_lost") >= 1
    assert scene.hooks.hooks == []


async def _heard(scene: Scene, hook: Hook) -> list[Step]:
    """A look at each order that the hint may concern; none for one that is not known (yet)."""
    named = await _named(scene, hook)
    stored = [order for order in await rows(scene.database, Order) if named(order)]
    return [await scene.lane.check(order.grant_id) for order in stored]


async def _named(scene: Scene, hook: Hook) -> Callable[[Order], bool]:
    """Does the webhook concern that order? Its address holds a token of the order, or it is signed
    and names the order by its own id, its reward's or our key."""
    if not UNDER_TEST[scene.name].tells_by_account:
        token = hook.path.rpartition("/")[2]
        return lambda order: order.hook_token == token
    event = _event(scene, hook)
    order_id = event.provider_order_id
    if event.reward_id and isinstance(scene.adapter, Tremendous):
        order_id = await scene.adapter.order_id_of(event.reward_id)
    return lambda order: order.key == event.key or order.provider_order_id == order_id


def _event(scene: Scene, hook: Hook) -> ProviderEvent:
    """What the simulator really sent must carry a signature that the adapter believes."""
    assert isinstance(scene.adapter, Tremendous | Runa)
    return scene.adapter.read_webhook(hook.headers, hook.body)


def _event_id(scene: Scene, hook: Hook) -> str:
    """By which a repeat is told: the event's own id, or the order's token."""
    signed = UNDER_TEST[scene.name].tells_by_account
    return _event(scene, hook).event_id if signed else hook.path
