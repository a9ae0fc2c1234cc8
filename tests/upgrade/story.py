"""What happens before the upgrade: who refers whom, and where each of it stands in the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

from cli.stack.stack import Stack

PROVIDER = "giftcard-partners"
LONG = "P3000D"
"""Longer than anybody keeps this test."""
SHORT = "PT15S"
"""Over when the upgrade comes."""

Row = dict[str, Any]


def card(amount: int, provider: str = PROVIDER, product_id: str = "CVS") -> Row:
    """A gift card by e-mail."""
    return {
        "kind": "gift_card",
        "provider": provider,
        "product_id": product_id,
        "amount": amount,
        "currency": "USD",
        "delivery": "email",
    }


def every(reward: Row) -> Row:
    """A tier for every friend."""
    return {"name": "every friend", "criterion": "each_unique_referee", "reward": reward}


def milestone(threshold: int, reward: Row, *, repeat: bool = False, undo: bool = False) -> Row:
    """A tier for so many friends."""
    return {
        "name": f"{threshold} friends",
        "criterion": "min_unique_referees",
        "threshold": threshold,
        "repeat": repeat,
        "on_reversal": "undo" if undo else "keep",
        "reward": reward,
    }


POINTS = {"kind": "loyalty_points", "points": 500}
BOTH_SIDES: Row = {"referee_reward": card(15_00), "tiers": [every(card(25_00))]}
CAMPAIGNS: dict[str, Row] = {
    "plain": BOTH_SIDES,
    "held-briefly": BOTH_SIDES | {"hold": SHORT},
    "held": BOTH_SIDES | {"hold": LONG},
    "reviewed": BOTH_SIDES | {"review": "all"},
    "unfunded": {"referee_reward": card(12_00, "tremendous", "OKMHM2X2OHYV")},
    "paused": BOTH_SIDES,
    "paused-held": BOTH_SIDES | {"hold": SHORT},
    "once": {"tiers": [milestone(3, card(30_00))]},
    "once-held": {"tiers": [milestone(2, card(31_00))], "hold": SHORT},
    "once-undo": {"tiers": [milestone(2, POINTS, undo=True)]},
    "repeat": {"tiers": [milestone(2, card(20_00), repeat=True)]},
    "repeat-undo": {"tiers": [milestone(2, POINTS, repeat=True, undo=True)]},
}
ON_BOTH_SIDES = {"once": (2, 3, 4), "repeat": (1, 2, 3, 4, 5)}
"""How many friends of each referrer have counted, by campaign."""
_REST = ("completed", "rejected", "reversed", "expired")


class Story:
    """Plays on a stack, and keeps who is who in `told`."""

    def __init__(self, stack: Stack) -> None:
        info = stack.info
        self._simulator = f"{stack.urls.simulator}/_control"
        self._http = httpx.Client(
            base_url=stack.urls.api,
            headers={"X-App-Id": info.app_id, "X-App-Token": info.app_token},
            timeout=30,
        )
        self.told: Row = {"campaigns": {}, "codes": {}, "referrals": {}}
        """Ids and codes by the names that the test knows them by."""

    def before_the_stop(self) -> None:
        """All that runs its course, and what then stands still at different places."""
        self._control("delivery", {"provider": PROVIDER, "seconds": 0, "outcome": "delivered"})
        for name, program in CAMPAIGNS.items():
            self._campaign(name, program)
        self._webhook()
        self._waiting()
        self._on_both_sides()
        self._reversed()
        self._standing_still()

    def without_workers(self) -> None:
        """Accepted and sent to Temporal; nobody works."""
        self._convert("plain", "told-to-temporal", code=self._code("plain", "told-to-temporal"))
        self._sent()

    def without_temporal(self) -> None:
        """Accepted, and nowhere but in the intake table."""
        self._convert("plain", "not-told", code=self._code("plain", "not-told"))
        self._convert("plain", "waiting-converted")
        self._reverse("plain", "completed-refunded-late")

    def _campaign(self, name: str, program: Row) -> None:
        body = {
            "name": name,
            "campaign_type": "REFERRAL_PROGRAM",
            "type": "AUTO_UPDATE",
            "voucher": {
                "type": "DISCOUNT_VOUCHER",
                "discount": {"type": "PERCENT", "percent_off": 10},
            },
            "referral_program": {
                "conversion_event_type": "custom_event",
                "custom_event": {"name": f"bought-{name}"},
                "attribution_window": LONG,
                "limits": {"budget": {"amount": 1_000_000, "currency": "USD"}},
                **program,
            },
        }
        self.told["campaigns"][name] = self._post("/v1/campaigns", body)["id"]

    def _webhook(self) -> None:
        """Nobody listens there: all its events are still to be told."""
        body = {"url": "http://127.0.0.1:9/nobody", "events": ["referral.completed"]}
        self.told["webhook"] = self._post("/v1/webhooks", body)["id"]

    def _waiting(self) -> None:
        for name in ("waiting", "waiting-converted", "waiting-refunded"):
            self._sign_up("plain", name, self._code("plain", name))
        redeemed = {"customer": _person("plain", "waiting-by-redemption")}
        code = self._code("plain", "waiting-by-redemption")
        self._post(f"/v1/vouchers/{code}/redemption", redeemed)
        found = self._http.get("/v1/referrals", params={"code": code}).raise_for_status().json()
        self._keep("plain", "waiting-by-redemption", found["data"][0]["id"])
        self._reverse("plain", "waiting-refunded")
        self._until("plain", "waiting-refunded", _REST)

    def _on_both_sides(self) -> None:
        """Referrers whose friends counted up to, at and past the thresholds; two more friends of
        each wait, to convert after the upgrade."""
        for campaign, counts in ON_BOTH_SIDES.items():
            for count in counts:
                code = self._code(campaign, f"of-{count}")
                for number in range(count):
                    self._finish(campaign, f"of-{count}-friend-{number}", code)
                for number in (1, 2):
                    self._sign_up(campaign, f"of-{count}-waiting-{number}", code)

    def _reversed(self) -> None:
        """Refunds after the reward; milestones that a refund has undone, or left."""
        for name in ("completed", "completed-refunded", "completed-refunded-late"):
            self._finish("plain", name, self._code("plain", name))
        self._refund("plain", "completed-refunded")
        for campaign, count in (("once", 3), ("once-undo", 2), ("repeat-undo", 2)):
            code = self._code(campaign, "refunded")
            for number in range(count):
                self._finish(campaign, f"refunded-friend-{number}", code)
            self._refund(campaign, "refunded-friend-0")
            for number in (1, 2):
                self._sign_up(campaign, f"refunded-waiting-{number}", code)

    def _standing_still(self) -> None:
        for campaign in ("held", "held-briefly", "paused-held"):
            self._convert(campaign, "held", code=self._code(campaign, "held"))
        code = self._code("once-held", "held")
        for number in (1, 2):
            self._convert("once-held", f"held-{number}", code=code)
        for campaign, name in (("held", "held"), ("once-held", "held-2")):
            self._until(campaign, name, ("on_hold", "fulfilling"))
        self._convert("reviewed", "reviewed", code=self._code("reviewed", "reviewed"))
        self._until("reviewed", "reviewed", ("in_review",))
        self._parked()
        self._paused()
        self._in_flight()

    def _parked(self) -> None:
        """One for want of an address, one for want of funds."""
        nameless = {"source_id": "plain-no-address"}
        code = self._code("plain", "no-address")
        self._convert("plain", "no-address", code=code, customer=nameless)
        self._control("funds", {"provider": "tremendous", "amount": 0})
        self._convert("unfunded", "unfunded", code=self._code("unfunded", "unfunded"))
        for campaign, name in (("plain", "no-address"), ("unfunded", "unfunded")):
            self._until(campaign, name, ("needs_attention",))

    def _paused(self) -> None:
        """Disabled while a friend waits, and another's reward is on hold."""
        self._sign_up("paused", "waiting", self._code("paused", "waiting"))
        for campaign in ("paused", "paused-held"):
            self._post(f"/v1/campaigns/{self.told['campaigns'][campaign]}/disable", {})

    def _in_flight(self) -> None:
        """One order that the provider has and does not deliver; one of which nobody knows."""
        self._control("delivery", {"provider": PROVIDER, "seconds": 10**7, "outcome": "delivered"})
        self._convert("plain", "in-flight", code=self._code("plain", "in-flight"))
        self._orders("plain", "in-flight", ("issued", "pending"))
        rates = {"rates": {"drop_after": 1.0}, "seed": 1}
        self._control("faults", {"provider": PROVIDER} | rates)
        self._convert("plain", "in-doubt", code=self._code("plain", "in-doubt"))
        self._orders("plain", "in-doubt", ("unknown",))

    def _code(self, campaign: str, referrer: str) -> str:
        body = {
            "campaign": {"name": campaign, "count": 1},
            "customer": _person(campaign, f"{referrer}-referrer"),
        }
        code = str(self._post("/v1/publications", body)["voucher"]["code"])
        self.told["codes"][f"{campaign}/{referrer}"] = code
        return code

    def _sign_up(self, campaign: str, name: str, code: str) -> None:
        body = {"code": code, "customer": _person(campaign, name)}
        self._keep(campaign, name, self._post("/v1/referrals", body)["id"])

    def _convert(
        self, campaign: str, name: str, *, code: str | None = None, customer: Row | None = None
    ) -> None:
        body: Row = {
            "event": f"bought-{campaign}",
            "customer": customer or _person(campaign, name),
            "metadata": {"event_id": f"{campaign}-{name}"},
            "order": {"source_id": f"order-{campaign}-{name}", "amount": 100_00},
        }
        if code:
            body["referral"] = {"code": code}
        self._keep(campaign, name, self._post("/v1/events", body)["referral"]["id"])

    def _finish(self, campaign: str, name: str, code: str) -> None:
        self._convert(campaign, name, code=code)
        self._until(campaign, name, ("completed",))

    def _reverse(self, campaign: str, name: str) -> None:
        path = f"/v1/referrals/{self.told['referrals'][f'{campaign}/{name}']}/reverse"
        headers = {"Idempotency-Key": f"refund-{campaign}-{name}"}
        self._post(path, {"reason": "the order was returned"}, headers)

    def _refund(self, campaign: str, name: str) -> None:
        self._reverse(campaign, name)
        self._until(campaign, name, ("reversed",))

    def _keep(self, campaign: str, name: str, referral_id: str) -> None:
        self.told["referrals"][f"{campaign}/{name}"] = referral_id

    def _until(self, campaign: str, name: str, statuses: tuple[str, ...]) -> None:
        self._wait(
            lambda: self._referral(campaign, name)["status"] in statuses, f"{name} {statuses}"
        )

    def _orders(self, campaign: str, name: str, states: tuple[str, ...]) -> None:
        """Wait until all its cards are ordered, and stand so."""

        def there() -> bool:
            orders = [grant["order"] for grant in self._referral(campaign, name)["grants"]]
            return bool(orders) and all(order and order["state"] in states for order in orders)

        self._wait(there, f"orders of {name} {states}")

    def _sent(self) -> None:
        """Wait until the dispatcher has told Temporal of what was accepted last."""
        time.sleep(2)

    def _referral(self, campaign: str, name: str) -> Row:
        path = f"/v1/referrals/{self.told['referrals'][f'{campaign}/{name}']}"
        answer = self._http.get(path).raise_for_status()
        return dict(answer.json())

    @staticmethod
    def _wait(check: Callable[[], bool], what: str, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while not check():
            if time.monotonic() > deadline:
                raise TimeoutError(what)
            time.sleep(0.1)

    def _post(self, path: str, body: Row, headers: dict[str, str] | None = None) -> Row:
        answer = self._http.post(path, json=body, headers=headers)
        if not answer.is_success:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
        return dict(answer.json())

    def _control(self, name: str, body: Row) -> None:
        httpx.put(f"{self._simulator}/{name}", json=body).raise_for_status()


def _person(campaign: str, name: str) -> Row:
    source_id = f"{campaign}-{name}"
    return {"source_id": source_id, "name": "A Friend", "email": f"{source_id}@example.com"}
