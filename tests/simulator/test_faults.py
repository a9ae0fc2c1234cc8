"""Faults: what each does to the book and to the caller, and that a seed repeats them."""

import httpx
import pytest

ORDERS = "/giftcard-partners/v1/Orders"


async def outcomes(place, names) -> list[str]:
    """For each order, the status it answered or the error it met."""
    found = []
    for name in names:
        try:
            answer = await place(name)
            found.append(str(answer.status_code))
        except httpx.TransportError as error:
            found.append(type(error).__name__)
    return found


class TestKinds:
    async def test_drop_before(self, place, book, control):
        await control("faults", seed=1, rates={"drop_before": 1})
        with pytest.raises(httpx.RemoteProtocolError):
            await place("PO-1")
        assert await book("giftcard-partners") == []

    async def test_drop_after(self, place, book, control):
        await control("faults", seed=1, rates={"drop_after": 1})
        with pytest.raises(httpx.RemoteProtocolError):
            await place("PO-1")
        assert len(await book("giftcard-partners")) == 1

    async def test_error_before(self, place, book, control):
        await control("faults", seed=1, rates={"error_before": 1}, statuses=[503])
        assert (await place("PO-1")).status_code == 503
        assert await book("giftcard-partners") == []

    async def test_error_after(self, place, book, control):
        await control("faults", seed=1, rates={"error_after": 1}, statuses=[504])
        assert (await place("PO-1")).status_code == 504
        assert len(await book("giftcard-partners")) == 1

    async def test_garbage(self, place, book, control):
        await control("faults", seed=1, rates={"garbage": 1})
        answer = await place("PO-1")
        assert answer.status_code == 200
        with pytest.raises(ValueError):
            answer.json()
        assert len(await book("giftcard-partners")) == 1

    async def test_slow(self, place, partners, book, control):
        await control("faults", seed=1, rates={"slow": 1}, slow_seconds=20)
        partners.timeout = httpx.Timeout(0.3)
        with pytest.raises(httpx.ReadTimeout):
            await place("PO-1")
        assert len(await book("giftcard-partners")) == 1

    async def test_slow_but_patient(self, place, control):
        await control("faults", seed=1, rates={"slow": 1}, slow_seconds=0.2)
        answer = await place("PO-1")
        assert answer.status_code == 201
        assert answer.elapsed.total_seconds() >= 0.2

    async def test_after_commit_faults_also_hide_a_duplicates_answer(self, place, control):
        await place("PO-1")
        await control("faults", seed=1, rates={"drop_after": 1})
        with pytest.raises(httpx.RemoteProtocolError):
            await place("PO-1")

    async def test_a_refusal_is_not_an_order_so_nothing_comes_after_it(self, place, control):
        await control("faults", seed=1, rates={"drop_after": 1, "error_after": 1})
        assert (await place("PO-1", Value=0)).status_code == 400


class TestScope:
    async def test_reads_and_control_are_spared(self, partners, client, control):
        await control("faults", seed=1, rates={"drop_before": 1})
        assert (await partners.get(ORDERS)).status_code == 200
        assert (await client.get("/_control/stats")).status_code == 200

    async def test_another_providers_faults_are_its_own(self, place, control):
        await control("faults", seed=1, rates={"drop_before": 1})
        await control("faults", provider="giftcard-partners", seed=1, rates={})
        assert (await place("PO-1")).status_code == 201

    async def test_absent_rates_become_zero(self, place, control):
        await control("faults", seed=1, rates={"drop_before": 1})
        await control("faults", seed=1, rates={"webhook_lost": 1})
        assert (await place("PO-1")).status_code == 201


class TestSeed:
    RATES = {  # noqa: RUF012 - a constant of this class
        "drop_before": 0.2,
        "error_after": 0.2,
        "garbage": 0.2,
        "drop_after": 0.2,
    }

    async def test_same_seed_same_faults_whatever_the_keys(self, place, control, client):
        await control("faults", seed=7, rates=self.RATES)
        first = await outcomes(place, [f"A{n}" for n in range(40)])
        await control("faults", seed=7, rates=self.RATES)
        assert await outcomes(place, [f"B{n}" for n in range(40)]) == first
        assert len(set(first)) > 3

    async def test_another_seed_other_faults(self, place, control):
        await control("faults", seed=7, rates=self.RATES)
        first = await outcomes(place, [f"A{n}" for n in range(40)])
        await control("faults", seed=8, rates=self.RATES)
        assert await outcomes(place, [f"B{n}" for n in range(40)]) != first

    async def test_a_fault_happens_about_as_often_as_its_rate(self, place, control, book):
        await control("faults", seed=3, rates={"drop_before": 0.2})
        await outcomes(place, [f"A{n}" for n in range(200)])
        assert 140 <= len(await book("giftcard-partners")) <= 180


class TestBadSettings:
    @pytest.mark.parametrize(
        "body",
        [
            {"rates": {"nonsense": 1}},
            {"rates": {"slow": 1.5}},
            {"rates": {"slow": "often"}},
            {"statuses": [200]},
            {"provider": "nobody"},
        ],
    )
    async def test_refused(self, client, body):
        answer = await client.put("/_control/faults", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]


class TestReads:
    """Calls that create no order: disturbed only where that is asked for."""

    async def test_are_left_alone(self, place, partners, control):
        await control("faults", seed=1, rates={"error_before": 1})
        assert (await partners.get(f"{ORDERS}/nowhere")).status_code == 404

    @pytest.mark.parametrize(("kind", "status"), [("error_before", 502), ("error_after", 502)])
    async def test_fail_with_a_status(self, partners, control, kind, status):
        await control("faults", seed=1, rates={kind: 1}, statuses=[status], reads=True)
        assert (await partners.get(f"{ORDERS}/nowhere")).status_code == status

    @pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
    async def test_break_off(self, partners, control, kind):
        await control("faults", seed=1, rates={kind: 1}, reads=True)
        with pytest.raises(httpx.RemoteProtocolError):
            await partners.get(f"{ORDERS}/nowhere")

    async def test_do_not_move_the_orders_own_sequence(self, place, partners, control):
        names = [f"PO-{n}" for n in range(20)]
        await control("faults", seed=4, rates={"error_before": 0.5}, reads=True)
        undisturbed = await outcomes(place, names)
        await control("faults", seed=4, rates={"error_before": 0.5}, reads=True)
        for _ in range(5):
            await partners.get(f"{ORDERS}/nowhere")
        again = await outcomes(place, names)
        # What was created in the first round answers as a repeat in the second.
        assert ["503" if o[0] == "5" else "" for o in undisturbed] == [
            "503" if o[0] == "5" else "" for o in again
        ]
