"""One HTTP call to a simulated provider, from its arrival to its answer."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from simulator.book import encode
from simulator.delivery import settle
from simulator.faults import Fault
from simulator.hold import disconnect, until
from simulator.provider import Answer, Call, Incoming, Provider, Refusal

GARBAGE = b'{"id": "truncated'


class Dropped(Response):
    """Closes the TCP connection without a byte of answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = scope["guerdon.transport"]
        transport.abort()
        await disconnect(Request(scope, receive))


class Gate:
    """Refuses bad credentials, then too many calls per second."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._tokens = 0.0
        self._filled_at = 0.0

    def refusal(self, call: Call, incoming: Incoming) -> Answer | None:
        provider = self._provider
        setting = provider.world.setting("credentials", provider.name)
        if not setting["accept"]:
            return provider.error(setting["status"])
        if not call.public and not provider.credential(incoming):
            return provider.error(401)
        forced = provider.forced(incoming)
        if forced is not None:
            return forced
        if not self._under_rate(provider.world.setting("rate", provider.name)["per_second"]):
            provider.world.stats.count(provider.name, "rate_limited")
            return provider.error(429)
        return None

    def _under_rate(self, per_second: float | None) -> bool:
        if per_second is None:
            return True
        now = time.monotonic()
        burst = max(1.0, per_second)
        self._tokens = min(burst, self._tokens + (now - self._filled_at) * per_second)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def routes(provider: Provider) -> list[Route]:
    gate = Gate(provider)
    return [
        Route(provider.prefix + call.path, _endpoint(provider, gate, call), methods=[call.method])
        for call in provider.calls()
    ]


def _endpoint(
    provider: Provider, gate: Gate, call: Call
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            body = json.loads(raw, parse_float=Decimal) if raw else None
        except ValueError:
            return _response(provider.error(400))
        incoming = Incoming(request.headers, request.query_params, request.path_params, body, raw)
        refused = gate.refusal(call, incoming)
        if refused is not None:
            return _response(refused)
        if call.orders:
            return await _order(provider, call, incoming, request)
        return await _read(provider, call, incoming, request)

    return endpoint


async def _read(provider: Provider, call: Call, incoming: Incoming, request: Request) -> Response:
    """A call that creates no order. Its effect, such as a cancellation, comes before a fault that
    applies after it."""
    fault = provider.world.faults.for_read(provider.name)
    if fault.kind == "drop_before":
        return Dropped()
    if fault.kind == "error_before":
        return _response(provider.error(fault.status))
    answer = _handle(call, incoming)
    if fault.kind == "error_after":
        return _response(provider.error(fault.status))
    return await _disturbed(answer, fault, request)


async def _order(provider: Provider, call: Call, incoming: Incoming, request: Request) -> Response:
    """A call that may create an order: holds and faults apply to it."""
    world, name = provider.world, provider.name
    key = provider.key_of(incoming)
    world.stats.count(name, "attempted")
    if not await world.hold.at("received", name, key, request):
        return Dropped()
    with provider.running(key):
        return await _process(provider, call, incoming, request, key)


async def _process(
    provider: Provider, call: Call, incoming: Incoming, request: Request, key: str
) -> Response:
    world, name = provider.world, provider.name
    fault = world.faults.for_order(name)
    if fault.kind == "drop_before":
        return Dropped()
    if fault.kind == "error_before":
        return _response(provider.failed_before_commit(incoming, fault.status))
    answer = _handle(call, incoming)
    _tally(provider, answer)
    if answer.created:
        await _announce(provider, answer, fault)
    if not await world.hold.at("committed", name, key, request):
        return Dropped()
    response = await _after(provider, answer, fault, request)
    if world.hold.notes_answers:
        response.background = BackgroundTask(world.hold.note_answered, name, key)
    return response


def _handle(call: Call, incoming: Incoming) -> Answer:
    try:
        return call.handler(incoming)
    except Refusal as refusal:
        return refusal.answer


def _tally(provider: Provider, answer: Answer) -> None:
    repeated = "refused" if answer.order is None else "duplicates"
    provider.world.stats.count(provider.name, "created" if answer.created else repeated)


async def _announce(provider: Provider, answer: Answer, fault: Fault) -> None:
    """Wake the delivery; with `webhook_early`, deliver and send the webhook before the answer."""
    provider.world.changed.set()
    if fault.early and answer.order is not None:
        with provider.world.db.transaction():
            rows = settle(provider, answer.order)
        await provider.world.hooks.send_now(rows)


async def _after(provider: Provider, answer: Answer, fault: Fault, request: Request) -> Response:
    """The answer, or what a fault makes of it once the order is in the book."""
    if answer.order is None:
        return _response(answer)
    if fault.kind == "error_after":
        return _response(provider.failed_after_commit(answer.order, fault.status))
    return await _disturbed(answer, fault, request)


async def _disturbed(answer: Answer, fault: Fault, request: Request) -> Response:
    """The answer, unless it is lost, garbled or delayed on its way."""
    if fault.kind == "drop_after":
        return Dropped()
    if fault.kind == "garbage":
        return Response(GARBAGE, 200, media_type="application/json")
    if fault.kind == "slow":
        never = asyncio.Event()
        if not await until(never, request, fault.slow_seconds):
            return Dropped()
    return _response(answer)


def _response(answer: Answer) -> Response:
    content = b"" if answer.body is None else encode(answer.body).encode()
    return Response(content, answer.status, answer.headers, media_type="application/json")
