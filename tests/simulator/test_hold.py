"""Holding requests, so that a test can kill what waits for them."""

import asyncio

import httpx

from tests.simulator.simulator_process import eventually


async def test_received_is_before_the_book(place, book, client, control):
    await control("hold", point="received")
    request = asyncio.create_task(place("PO-1"))

    async def held():
        return (await client.get("/_control/hold")).json()["holding"] == 1

    await eventually(held)
    assert (await client.get("/_control/hold")).json()["keys"] == ["PO-1"]
    assert await book("giftcard-partners") == []
    await control("hold", point=None)
    assert (await request).status_code == 201
    assert (await client.get("/_control/hold")).json()["holding"] == 0


async def test_committed_is_in_the_book_before_the_answer(place, book, client, control):
    await control("hold", provider="giftcard-partners", point="committed")
    request = asyncio.create_task(place("PO-1"))

    async def held():
        return (await client.get("/_control/hold")).json()["keys"] == ["PO-1"]

    await eventually(held)
    assert not request.done()
    assert len(await book("giftcard-partners")) == 1
    await control("hold", point=None)
    assert (await request).status_code == 201


async def test_a_caller_that_goes_away_while_received_leaves_no_order(
    place, partners, book, client, control
):
    await control("hold", point="received")
    partners.timeout = httpx.Timeout(0.2)
    result = (await asyncio.gather(place("PO-1"), return_exceptions=True))[0]
    assert isinstance(result, httpx.ReadTimeout)

    async def gone():
        return (await client.get("/_control/hold")).json()["holding"] == 0

    await eventually(gone)
    await control("hold", point=None)
    assert await book("giftcard-partners") == []


async def test_count_holds_only_the_first(place, client, control):
    await control("hold", point="committed", count=1)
    first = asyncio.create_task(place("PO-1"))

    async def held():
        return (await client.get("/_control/hold")).json()["holding"] == 1

    await eventually(held)
    assert (await place("PO-2")).status_code == 201
    assert not first.done()
    await control("hold", point=None)
    assert (await first).status_code == 201


async def test_another_provider_is_not_held(place, control, client):
    await control("hold", provider="tremendous", point="received")
    assert (await place("PO-1")).status_code == 201


async def test_answered_notes_the_key_after_the_answer(place, client, control):
    await control("hold", point="answered")
    assert (await place("PO-1")).status_code == 201

    async def answered():
        return (await client.get("/_control/hold")).json()["answered"] == ["PO-1"]

    await eventually(answered)


async def test_unknown_point(client):
    assert (await client.put("/_control/hold", json={"point": "later"})).status_code == 400
