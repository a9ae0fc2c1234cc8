"""The recorded story, as it goes on after the upgrade."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx

from cli.stack.stack import Stack

Row = dict[str, Any]


class After:
    """Calls on the upgraded stack, by the names of the story."""

    def __init__(self, stack: Stack, story: Path, before: set[str]) -> None:
        self.before = before
        """The keys of the orders that the provider had from the old version."""
        self.stack, self.told = stack, json.loads(story.read_bytes())
        self._simulator = f"{stack.urls.simulator}/_control"
        self.http = httpx.Client(
            base_url=stack.urls.api,
            headers={"X-App-Id": stack.info.app_id, "X-App-Token": stack.info.app_token},
            timeout=120,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.http.close()

    def control(self, name: str, **body: Any) -> None:
        """Set something at the providers."""
        httpx.put(f"{self._simulator}/{name}", json=body).raise_for_status()

    def book(self) -> Counter[str]:
        """How many cards the providers issued, by our key."""
        return Counter(str(row["key"]) for row in httpx.get(f"{self._simulator}/book").json())

    def referral(self, name: str) -> Row:
        return self.get(f"/v1/referrals/{self.told['referrals'][name]}")

    def status(self, name: str) -> str:
        return str(self.referral(name)["status"])

    def convert(self, name: str) -> Row:
        """The friend's purchase, told without the code: they signed up before the upgrade."""
        campaign, _, person = name.partition("/")
        return self.post(
            "/v1/events",
            {
                "event": f"bought-{campaign}",
                "customer": {"source_id": name.replace("/", "-")},
                "metadata": {"event_id": name.replace("/", "-")},
                "order": {"source_id": f"order-{campaign}-{person}", "amount": 100_00},
            },
        )

    def refer(self, name: str, code: str) -> None:
        """A new friend buys with a code of the story, and the referral completes."""
        campaign = name.partition("/")[0]
        answer = self.post(
            "/v1/events",
            {
                "event": f"bought-{campaign}",
                "customer": {"source_id": name.replace("/", "-")},
                "referral": {"code": self.told["codes"][code]},
            },
        )
        self.told["referrals"][name] = answer["referral"]["id"]
        self.until(name, "completed")

    def edit_threshold(self, campaign: str, threshold: int) -> None:
        """A manager edits the campaign's only tier."""
        path = f"/v1/campaigns/{self.told['campaigns'][campaign]}/tiers"
        (tier,) = self.get(path)["data"]
        kept = {name: tier[name] for name in ("criterion", "reward")}
        body = kept | {"threshold": threshold, "name": f"{threshold} friends"}
        answer = self.http.put(f"{path}/{tier['id']}", json=body)
        assert answer.is_success, answer.text

    def finish(self, name: str) -> None:
        """Convert, and wait for the end."""
        self.convert(name)
        self.until(name, "completed")

    def until(self, name: str, status: str, seconds: float = 180) -> None:
        """Wait until the referral stands so."""
        self.wait(lambda: self.status(name), status, name, seconds)

    def wait(self, look: Callable[[], Any], wanted: Any, what: str, seconds: float = 180) -> None:
        """Wait until a look gives what is wanted."""
        deadline = time.monotonic() + seconds
        while (seen := look()) != wanted:
            assert time.monotonic() < deadline, f"{what}: {seen}, not {wanted}"
            time.sleep(0.1)

    def milestones(self, campaign: str, referrer: str) -> list[Row]:
        """The grants that a referrer of the story has in a campaign."""
        source_id = f"{campaign}-{referrer}-referrer"
        customer = self.get(f"/v1/customers/{source_id}")
        query = {"campaign_id": self.told["campaigns"][campaign], "limit": 100}
        grants = self.get("/v1/grants", **query)["data"]
        return [grant for grant in grants if grant["recipient"]["id"] == customer["id"]]

    def event_log(self, type: str) -> list[Row]:
        """Every event of a type, in the log's order."""
        events: list[Row] = []
        page: Row = {"next": None}
        while True:
            query = {"type": type} | ({"after": page["next"]} if page["next"] else {})
            page = self.get("/v1/event-log", **query)
            if not page["data"]:
                return events
            events += page["data"]

    def get(self, path: str, **query: Any) -> Row:
        return dict(self.http.get(path, params=query).raise_for_status().json())

    def post(self, path: str, body: Row) -> Row:
        answer = self.http.post(path, json=body)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return dict(answer.json())
