"""Tremendous' webhooks: one address for the organisation, thin events, an HMAC over the body."""

import hashlib
import hmac
import json
import secrets
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

from simulator.provider import Answer, Call, Incoming
from simulator.tremendous_order import refuse
from simulator.world import World

EVENTS = ("ORDERS.CREATED", "ORDERS.APPROVED", "ORDERS.CANCELED", "REWARDS.CANCELED",
          "REWARDS.DELIVERY.SUCCEEDED", "REWARDS.DELIVERY.FAILED")  # fmt: skip
EASTERN = timezone(timedelta(hours=-4))
"""`created_utc` carries this offset, whatever its name says."""


class TremendousWebhooks:
    def __init__(self, world: World) -> None:
        self.world = world

    def calls(self) -> list[Call]:
        return [
            Call("POST", "/webhooks", self.put_webhook),
            Call("GET", "/webhooks", self.webhooks),
            Call("DELETE", "/webhooks/{id}", self.delete_webhook),
            Call("GET", "/webhooks/{id}/events", self.webhook_events),
            Call("POST", "/webhooks/{id}/simulate", self.simulate_webhook),
        ]

    def put_webhook(self, incoming: Incoming) -> Answer:
        """One endpoint for the organisation: another one takes its place."""
        url = incoming.body.get("url") if isinstance(incoming.body, dict) else None
        if not isinstance(url, str):
            raise refuse(400, "url is required", {"url": "is missing"})
        value = {"url": url, "secret": secrets.token_urlsafe(15)}
        self.world.settings.put("webhook", "tremendous", value)
        return Answer(200, {"webhook": self._webhook()})

    def _webhook(self) -> dict[str, Any]:
        setting = self.world.setting("webhook", "tremendous")
        return {"id": "WEBHOOK00001", "url": setting["url"], "private_key": setting["secret"]}

    def webhooks(self, incoming: Incoming) -> Answer:
        webhook = self._webhook()
        return Answer(200, {"webhooks": [webhook] if webhook["url"] else []})

    def delete_webhook(self, incoming: Incoming) -> Answer:
        self.world.settings.put("webhook", "tremendous", {"url": None, "secret": None})
        return Answer(200, {})

    def webhook_events(self, incoming: Incoming) -> Answer:
        return Answer(200, {"events": list(EVENTS)})

    def simulate_webhook(self, incoming: Incoming) -> Answer:
        event = incoming.body.get("event") if isinstance(incoming.body, dict) else None
        if event not in EVENTS:
            raise refuse(400, "Unknown event", {"event": "is not included"})
        self.tell(event, event.split(".")[0].lower(), "SIMULATED001")
        return Answer(200, {})

    def tell(
        self, event: str, kind: str, resource: str, meta: dict[str, Any] | None = None
    ) -> list[int]:
        at = datetime.fromtimestamp(self.world.now(), EASTERN)
        body = {
            "event": event,
            "uuid": str(uuid4()),
            "created_utc": at.isoformat(timespec="milliseconds"),
            "payload": {"resource": {"id": resource, "type": kind}, "meta": meta or {}},
        }
        url = self.world.setting("webhook", "tremendous")["url"]
        if not url:
            return []
        return self.world.hooks.enqueue("tremendous", url, str(body["uuid"]), json.dumps(body))

    def sign(self, event_id: str, body: bytes) -> dict[str, str]:
        key = str(self.world.setting("webhook", "tremendous")["secret"]).encode()
        mark = hmac.new(key, body, hashlib.sha256).hexdigest()
        return {"Tremendous-Webhook-Signature": f"sha256={mark}"}
