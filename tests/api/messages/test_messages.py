"""Templates, distributions and messages over HTTP, and the page behind an unsubscribe link."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.messaging.channels import Channel
from domain.messaging.unsubscribe import PURPOSE, Reader, token_of
from store.access.lasting_secret import key_for
from store.customers.erase import erase
from store.database import Database
from store.tables import Event, IdempotentAnswer, MarketingConsent, SigningSecret
from tests.api.api_bodies import made, refused
from tests.builders import add_customer, add_grant, one, rows
from tests.messaging import add_distribution, mailing, plan_messages
from tests.ordering import deliver

SMS: dict[str, Any] = {"name": "short", "channel": "sms", "text": "Hi {{ customer.first_name }}"}
PLAN: dict[str, Any] = {
    "name": "by text",
    "trigger": "grant.delivered",
    "channel": "sms",
    "template": "short",
    "url": "https://sms.example/send",
}


class TestATemplate:
    async def test_is_created_changed_in_versions_and_deleted(
        self, admin: httpx.AsyncClient
    ) -> None:
        created = await made(admin.post("/v1/templates", json=SMS), 201)
        assert (created["text"], created["language"], created["version"]) == (SMS["text"], "en", 1)
        path = f"/v1/templates/{created['id']}"
        changed = await made(admin.put(path, json=SMS | {"text": "Hello"}))
        assert (changed["text"], changed["version"]) == ("Hello", 2)
        assert (await made(admin.get(path, params={"version": 1})))["text"] == SMS["text"]
        versions = (await made(admin.get(f"{path}/versions")))["data"]
        assert [one["version"] for one in versions] == [2, 1]
        refused(await admin.post("/v1/templates", json=SMS), 409, "duplicate_found", "/name")
        assert (await admin.delete(path)).status_code == 204
        refused(await admin.get(path), 404, "resource_not_found")

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"text": "{{ custmer.name }}"}, "custmer"),
            ({"text": "{% include 'x' %}"}, "include"),
            ({"subject": "x"}, "has no subject"),
            ({"translations": {"de": {"subject": "x"}}}, "needs text"),
            ({"language": "english please"}, "language tag"),
        ],
        ids=str,
    )
    async def test_that_could_not_be_sent_is_refused(
        self, admin: httpx.AsyncClient, change: dict[str, Any], words: str
    ) -> None:
        answer = await admin.post("/v1/templates", json=SMS | change)
        refused(answer, 400, "invalid_payload")
        assert words in answer.text

    async def test_the_ready_ones_are_added_once_and_previewed_with_real_data(
        self, admin: httpx.AsyncClient, database: Database
    ) -> None:
        added = await made(admin.post("/v1/templates/ready"), 201)
        assert len(added["data"]) == 8
        assert (await made(admin.post("/v1/templates/ready"), 201))["data"] == []
        path = "/v1/templates/reward here/preview"
        sample = await made(admin.post(path))
        assert "Hi Jane," in sample["text"]
        grant = await add_grant(database)
        real = await made(admin.post(path, json={"grant_id": grant.id}))
        assert "a gift card of $15.00" in real["text"]
        assert "Hi Person," in real["text"]
        headers = {"Idempotency-Key": "once"}
        await made(admin.post(path, json={"grant_id": grant.id}, headers=headers))
        await deliver(database, grant.id)
        async with database.transaction() as tx:
            await erase(tx, grant.recipient_id)
        assert await rows(database, IdempotentAnswer) == []
        missing = await admin.post(path, json={"grant_id": "gr_none"})
        refused(missing, 404, "resource_not_found")


class TestADistribution:
    async def test_is_created_rehearsed_changed_and_deleted(
        self, admin: httpx.AsyncClient, database: Database
    ) -> None:
        await made(admin.post("/v1/templates", json=SMS), 201)
        grant = await add_grant(database)
        await deliver(database, grant.id)
        created = await made(admin.post("/v1/distributions", json=PLAN), 201)
        assert created["secret"].startswith("whsec_")
        path = f"/v1/distributions/{created['id']}"
        told = (await made(admin.post(f"{path}/dry-run")))["data"]
        assert [(each["customer_id"], each["reason"]) for each in told] == [
            (grant.recipient_id, None)
        ]
        night = {"quiet_hours": {"from": "21:00", "to": "08:00"}, "delay": "PT1H"}
        changed = await made(admin.put(path, json=PLAN | night | {"url": None}))
        assert changed["url"] == PLAN["url"]
        assert changed["quiet_hours"]["from"] == "21:00"
        assert "secret" not in changed
        named = await admin.delete("/v1/templates/short")
        refused(named, 409, "not_allowed_in_state")
        assert (await admin.delete(path)).status_code == 204
        refused(await admin.get(path), 404, "resource_not_found")
        secret = created["secret"].encode()
        assert secret not in (await one(database, SigningSecret)).ciphertext

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"trigger": "no.such.type"}, "/trigger"),
            ({"trigger": "grant.delivred"}, "/trigger"),
            ({"trigger": "message.sent"}, "/trigger"),
            ({"url": None}, "/url"),
            ({"channel": "email"}, "/template"),
            ({"template": "none"}, "/template"),
            ({"campaign_id": "camp_none"}, "/campaign_id"),
            ({"audience": {"role": "owner"}}, "/audience/role"),
            ({"delay": "-PT1H"}, "/delay"),
            ({"quiet_hours": {"from": "21:00", "to": "21:00"}}, "/quiet_hours"),
        ],
        ids=str,
    )
    async def test_that_could_not_work_is_refused(
        self, admin: httpx.AsyncClient, change: dict[str, Any], pointer: str
    ) -> None:
        await made(admin.post("/v1/templates", json=SMS), 201)
        answer = await admin.post("/v1/distributions", json=PLAN | change)
        assert answer.status_code in (400, 404), answer.text
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]


class TestTheLog:
    async def test_tells_what_became_of_each_and_staff_send_again(
        self, admin: httpx.AsyncClient, database: Database
    ) -> None:
        await add_distribution(database, "grant.delivered", "reward here")
        grant = await add_grant(database)
        await deliver(database, grant.id)
        async with mailing(database) as post:
            await post.send_all()
            (first,) = (await made(admin.get("/v1/messages", params={"grant_id": grant.id})))[
                "data"
            ]
            assert (first["status"], first["customer_id"]) == ("sent", grant.recipient_id)
            assert first["at"] == first["sent_at"]
            assert "@" not in str(first)
            again = await made(admin.post(f"/v1/messages/{first['id']}/resend"), 201)
            assert (again["resend_of"], again["status"]) == (first["id"], "waiting")
            twice = await admin.post(f"/v1/messages/{first['id']}/resend")
            refused(twice, 409, "not_allowed_in_state")
            await post.send()
            assert len(post.box.mails) == 2
        listed = await made(admin.get("/v1/messages", params={"status": "sent"}))
        assert listed["total"] == 2
        story = (await made(admin.get(f"/v1/grants/{grant.id}/timeline")))["data"]
        titles = [each["title"].partition(":")[0] for each in story]
        assert titles.count("Message sent by e-mail") == 2
        assert titles.count("Asked to send again") == 1

    async def test_a_reported_bounce_is_shown_and_stops_the_address(
        self, admin: httpx.AsyncClient, database: Database
    ) -> None:
        await add_distribution(database, "grant.delivered", "reward here")
        await deliver(database, (await add_grant(database)).id)
        (message,) = await plan_messages(database)
        path = f"/v1/messages/{message.id}"
        early = await admin.post(f"{path}/report", json={"what": "bounced"})
        refused(early, 409, "not_allowed_in_state")
        async with mailing(database) as post:
            await post.send()
        told = await made(admin.post(f"{path}/report", json={"what": "bounced"}))
        assert (told["status"], told["detail"]) == ("bounced", "It came back.")


class TestConsent:
    async def test_is_given_with_the_customer_and_shown(self, service: httpx.AsyncClient) -> None:
        said = {"granted": True, "at": "2026-11-20T09:30:00Z", "source": "checkout"}
        body = {"source_id": "user-1", "consents": {"email": said, "sms": False}}
        await made(service.post("/v1/customers", json=body))
        shown = (await made(service.get("/v1/customers/user-1")))["consents"]
        assert shown["email"] == said
        assert shown["sms"]["granted"] is False
        wrong = await service.post("/v1/customers", json=body | {"consents": {"fax": True}})
        refused(wrong, 400, "invalid_payload")

    async def test_opening_the_link_changes_nothing_and_one_post_unsubscribes(
        self, anonymous: httpx.AsyncClient, database: Database
    ) -> None:
        customer_id = await add_customer(database)
        async with database.transaction() as tx:
            key = await key_for(tx, PURPOSE)
        path = f"/unsubscribe/{token_of(Reader(customer_id, Channel.EMAIL), key)}"
        page = await anonymous.get(path)
        assert (page.status_code, "<button>Unsubscribe" in page.text) == (200, True)
        assert await rows(database, MarketingConsent) == []
        for _ in range(2):  # RFC 8058: what a mail program posts
            done = await anonymous.post(path, data={"List-Unsubscribe": "One-Click"})
            assert (done.status_code, "You are unsubscribed" in done.text) == (200, True)
        assert not (await one(database, MarketingConsent)).granted
        assert len(await rows(database, Event, type="customer.unsubscribed")) == 1
        for forged in (path[:-1] + "x", "/unsubscribe/nonsense"):
            assert (await anonymous.post(forged)).status_code == 404
