"""The pages' commands, typed one after the other as they stand: what a page promises, works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.stack.stack import Stack
from tests.docs.pages import Typed, commands, type_in

CARD = {
    "kind": "gift_card",
    "provider": "giftcard-partners",
    "product_id": "CVS",
    "amount": 1500,
    "currency": "USD",
}


def all_well(typed: Typed, requests: int) -> None:
    assert typed.exit_status == 0, typed.output
    assert all(200 <= status < 300 for status in typed.statuses), typed.output
    assert len(typed.statuses) >= requests, typed.output


class Client:
    """Makes what a page takes for granted."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self._http.post(path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def campaign(self, name: str, event: str, review: str = "none", **reward: Any) -> str:
        """A campaign and a code of Anna's in it; the code."""
        program = {
            "conversion_event_type": "custom_event",
            "custom_event": {"name": event},
            "referee_reward": CARD | reward,
            "review": review,
        }
        percent = {"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10}}
        self.post(
            "/v1/campaigns",
            name=name,
            campaign_type="REFERRAL_PROGRAM",
            voucher=percent,
            referral_program=program,
        )
        anna = {"source_id": "anna", "name": "Anna", "email": "anna@example.com"}
        published = self.post("/v1/publications", campaign={"name": name}, customer=anna)
        return str(published["voucher"]["code"])

    def convert(self, event: str, code: str, friend: str, **person: str) -> str:
        """A friend of Anna's; the referral's id."""
        taken = self.post(
            "/v1/events",
            event=event,
            customer={"source_id": friend, **person},
            referral={"code": code},
            metadata={"event_id": f"of-{friend}"},
        )
        return str(taken["referral"]["id"])

    def grant(self, referral_id: str, *wanted: str) -> str:
        """The referral's only grant, once it has come so far."""
        deadline = time.monotonic() + 180
        while True:
            referral = self._http.get(f"/v1/referrals/{referral_id}").json()
            if referral["grants"] and referral["grants"][0]["status"] in wanted:
                return str(referral["grants"][0]["id"])
            assert time.monotonic() < deadline, referral
            time.sleep(0.1)


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """The API, as its admin."""
    info = stack.info
    assert info.api
    headers = {"X-App-Id": info.app_id, "X-App-Token": info.app_token}
    with httpx.Client(base_url=info.api.url, headers=headers) as http:
        yield Client(http)


def test_from_voucherify(folder: Path) -> None:
    typed = type_in(folder, *commands("from-voucherify.md"))
    all_well(typed, 11)
    assert "2 customers created" in typed.output
    assert "Conversion event accepted" in typed.output


def test_finance(folder: Path, client: Client) -> None:
    code = client.campaign("Month", "closed")
    client.grant(client.convert("closed", code, "without-address"), "needs_attention")
    typed = type_in(folder, *commands("finance.md"))
    all_well(typed, 14)
    assert '"status":"repaired"' in typed.output
    assert "sections of gr_" in typed.output


def test_messages(folder: Path) -> None:
    typed = type_in(folder, *commands("messages.md"))
    all_well(typed, 5)
    assert "Hi Jane," in typed.output
    assert '"trigger":"grant.delivered"' in typed.output


class TestSupport:
    def test_finding_and_reading(self, folder: Path, client: Client) -> None:
        code = client.campaign("Support", "joined")
        referral = client.convert("joined", code, "ben", email="ben@example.com")
        client.grant(referral, "delivered")
        to_the_story = commands("support.md")[:4]
        assert "timeline" in to_the_story[-1]
        typed = type_in(folder, *to_the_story)
        all_well(typed, 9)
        assert "Conversion event accepted" in typed.output

    def test_each_action(self, folder: Path, client: Client) -> None:
        plain, review, link = (
            client.campaign("Plain", "plain"),
            client.campaign("Reviewed", "reviewed", review="all"),
            client.campaign("By link", "link", delivery="link"),
        )
        parked = [client.convert("plain", plain, f"nowhere-{n}") for n in range(4)]
        shown = client.convert("link", link, "lynn", email="lynn@example.com")
        waits = [
            client.convert("reviewed", review, f"new-{n}", email=f"n{n}@x.org") for n in range(2)
        ]
        scenes = {
            "retry": (parked[0], "needs_attention", True),
            "cancel": (parked[1], "needs_attention", True),
            # Of another state than the one at hand: understood, and refused with the way out.
            "resend": (parked[2], "needs_attention", False),
            "resolve": (parked[2], "needs_attention", False),
            "approve": (waits[0], "in_review", True),
            "deny": (waits[1], "in_review", True),
            "reverse": (parked[3], "needs_attention", True),
            "claim": (shown, "delivered", True),
        }
        first, *_, actions = commands("support.md")
        lines = actions.splitlines()
        assert {line.split('"')[1].rpartition("/")[2] for line in lines} == set(scenes)
        for line in lines:
            referral, state, possible = scenes[line.split('"')[1].rpartition("/")[2]]
            ids = {"REFERRAL": referral, "GRANT": client.grant(referral, state)}
            typed = type_in(folder, first, line, **ids)
            if possible:
                all_well(typed, 1)
            else:
                assert typed.statuses == [409], typed.output
                assert '"key":"not_allowed_in_state"' in typed.output
