"""`/_control`: what a test sets and what a judge reads. No fault, credential or rate limit applies
here.

Every PUT takes a JSON object, in which `provider` left out means all of them, and returns it."""

import base64
import json
from collections.abc import Awaitable, Callable
from secrets import token_bytes
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.faults import HOOK_FAULTS, ORDER_FAULTS
from simulator.hold import POINTS
from simulator.provider import Provider
from simulator.settings import DEFAULTS
from simulator.tamper import tamper

COUNTED = ("attempted", "created", "duplicates", "refused", "rate_limited", "webhooks_sent",
           "webhooks_failed", "webhooks_retried", "webhooks_lost")  # fmt: skip


class BadControl(ValueError):
    """An invalid control request; the message says why."""


class Control:
    """The control endpoints over one world."""

    def __init__(self, providers: dict[str, Provider]) -> None:
        self._providers = providers
        self._world = next(iter(providers.values())).world

    def routes(self) -> list[Route]:
        puts: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "faults": self.put_faults,
            "delivery": self.put_delivery,
            "funds": self.put_funds,
            "hold": self.put_hold,
            "rate": self.put_rate,
            "credentials": self.put_credentials,
            "tokens": self.put_tokens,
            "keys": self.put_keys,
            "webhook": self.put_webhook,
        }
        return [
            Route("/_control", self.delete_all, methods=["DELETE"]),
            Route("/_control/book", self.get_book, methods=["GET"]),
            Route("/_control/stats", self.get_stats, methods=["GET"]),
            Route("/_control/hold", self.get_hold, methods=["GET"]),
            Route("/_control/tamper", _taking(self.post_tamper), methods=["POST"]),
            *(
                Route(f"/_control/{name}", _taking(put), methods=["PUT"])
                for name, put in puts.items()
            ),
        ]

    async def delete_all(self, request: Request) -> Response:
        self._world.clear()
        return Response(status_code=204)

    async def get_book(self, request: Request) -> Response:
        """Cards promised or issued, oldest first; `all=true` adds orders that made none."""
        provider = request.query_params.get("provider")
        if provider is not None and provider not in self._providers:
            return JSONResponse({"error": f"unknown provider {provider}"}, 400)
        orders = self._world.book.everything(provider)
        every = request.query_params.get("all") == "true"
        return JSONResponse(
            [card for order in orders if every or order.issuing for card in order.cards()]
        )

    async def get_stats(self, request: Request) -> Response:
        return JSONResponse({name: self._stats(name) for name in self._providers})

    async def get_hold(self, request: Request) -> Response:
        return JSONResponse(self._world.hold.report())

    def post_tamper(self, body: dict[str, Any]) -> dict[str, Any]:
        return tamper(self._providers[self._one(body)], body)

    def put_faults(self, body: dict[str, Any]) -> dict[str, Any]:
        rates = body.get("rates", {})
        unknown = set(rates) - {*ORDER_FAULTS, *HOOK_FAULTS}
        if unknown:
            raise BadControl(f"unknown rates: {', '.join(sorted(unknown))}")
        if not all(0 <= float(rate) <= 1 for rate in rates.values()):
            raise BadControl("rates are 0 to 1")
        statuses = body.get("statuses") or DEFAULTS["faults"]["statuses"]
        if not all(500 <= int(status) <= 599 for status in statuses):
            raise BadControl("statuses are 500 to 599")
        slow = float(body.get("slow_seconds", DEFAULTS["faults"]["slow_seconds"]))
        value = {"seed": body.get("seed", 0), "rates": rates, "statuses": statuses,
                 "slow_seconds": slow, "reads": bool(body.get("reads", False))}  # fmt: skip
        self._world.faults.put(self._any(body), value)
        return value

    def put_delivery(self, body: dict[str, Any]) -> dict[str, Any]:
        default = DEFAULTS["delivery"]
        value = {
            "seconds": float(body.get("seconds", default["seconds"])),
            "outcome": str(body.get("outcome", default["outcome"])),
        }
        self._world.settings.put("delivery", self._any(body), value)
        self._world.book.reopen(self._any(body))
        self._world.changed.set()
        return value

    def put_funds(self, body: dict[str, Any]) -> dict[str, Any]:
        provider, amount = self._providers[self._one(body)], int(body["amount"])
        self._world.funds.put(provider.name, amount)
        return {"provider": provider.name, "amount": amount, "released": provider.funded()}

    def put_hold(self, body: dict[str, Any]) -> dict[str, Any]:
        point, count = body.get("point"), body.get("count")
        if point not in (None, *POINTS):
            raise BadControl(f"point is null or one of {', '.join(POINTS)}")
        self._world.hold.put(point, self._any(body), None if count is None else int(count))
        return self._world.hold.report()

    def put_rate(self, body: dict[str, Any]) -> dict[str, Any]:
        per_second = body.get("per_second")
        return self._set("rate", body, {"per_second": per_second and float(per_second)})

    def put_credentials(self, body: dict[str, Any]) -> dict[str, Any]:
        value = {"accept": bool(body["accept"]), "status": int(body.get("status", 401))}
        return self._set("credentials", body, value)

    def put_tokens(self, body: dict[str, Any]) -> dict[str, Any]:
        """The lifetime of new tokens; `"revoke": true` ends the existing ones."""
        if body.get("revoke"):
            self._world.db.execute("DELETE FROM tokens")
        return self._set("tokens", body, {"seconds": int(body.get("seconds", 3600))})

    def put_keys(self, body: dict[str, Any]) -> dict[str, Any]:
        """How long an idempotency key is remembered, if the provider forgets keys; null: its own
        time."""
        seconds = body.get("seconds")
        return self._set("keys", body, {"seconds": seconds and float(seconds)})

    def put_webhook(self, body: dict[str, Any]) -> dict[str, Any]:
        """The account's webhook address and secret, if the provider has them in its dashboard."""
        secret = body.get("secret") or f"whsec_{base64.b64encode(token_bytes(24)).decode()}"
        return self._set("webhook", body, {"url": body.get("url"), "secret": secret})

    def _set(self, name: str, body: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
        self._world.settings.put(name, self._any(body), value)
        return value

    def _stats(self, provider: str) -> dict[str, int]:
        stats = {name: self._world.stats.get(provider, name) for name in COUNTED}
        return stats | {"webhooks_waiting": self._world.hooks.waiting(provider)}

    def _any(self, body: dict[str, Any]) -> str | None:
        provider = body.get("provider")
        return None if provider is None else self._one(body)

    def _one(self, body: dict[str, Any]) -> str:
        provider = body.get("provider")
        if provider not in self._providers:
            raise BadControl(f"unknown provider {provider}")
        return str(provider)


def _taking(
    act: Callable[[dict[str, Any]], dict[str, Any]],
) -> Callable[[Request], Awaitable[Response]]:
    """Pass the request's JSON object to `act`; invalid input answers 400."""

    async def endpoint(request: Request) -> Response:
        try:
            body = json.loads(await request.body())
            return JSONResponse(act(body))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

    return endpoint
