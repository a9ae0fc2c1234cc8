"""Tango's RaaS API, version 2.

Facts: reference/gift-card-providers.md §2. `externalRefID` is the idempotency key, within one
account and for 90 days. A repeat answers 200 and the first order "even if the original order is for
a different item", so only a comparison shows whether it is ours. Digital orders have no webhook:
their line items are polled. Bodies and statuses are in `tango_messages`."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.money import Money
from domain.orders import OrderRequest, OrderSnapshot, OrderState, Recipient
from providers import tango_messages as says
from providers.client import ProviderClient
from providers.outcomes import NotSent, OrderRejected, OutcomeUnknown, ProviderError, RateLimited
from providers.protocol import Capabilities, Product, Replay
from providers.reading import document, reading

_BLOCK = 100
_MOST = 10_000
_FINEST = timedelta(seconds=1)
_COOL_DOWN = frozenset({"403.004", "403.005", "403.023"})
_NOT_MAILED = "403.003"
_NONE_FOUND = "404.110"
_CANNOT_CANCEL = "403.010"


class TangoSettings(BaseSettings):
    """This provider's section of the environment."""

    model_config = SettingsConfigDict(env_prefix="GUERDON_TANGO_", hide_input_in_errors=True)

    url: HttpUrl = Field(description="base address, with /raas/v2")
    platform_name: str = Field(min_length=1, description="the platform: user of HTTP Basic")
    platform_key: SecretStr = Field(description="the platform's key")
    customer_identifier: str = Field(min_length=1, description="the customer that owns the account")
    account_identifier: str = Field(min_length=1, description="the account that pays")
    max_per_second: float = Field(
        default=1, gt=0, description="requests a second, all workers; 1 is the documented limit"
    )


class Tango(ProviderClient):
    """The adapter. `within`: seconds that one exchange may take."""

    name = "tango"
    capabilities = Capabilities(
        replay=Replay.REPLAYS,  # 200 and the first order
        signals_delivery=True,  # emailStatus of the line item
        key_life=timedelta(days=90),  # "not supported after 90 days": then it buys again
        most_repeats=5,  # retries "capped at 5"
        pause=says.PAUSE,  # 409.002: "a minimum of 2 seconds for all retries"
        can_resend=True,  # with a cool-down
        resends_elsewhere=True,  # `newEmail`
        can_cancel=True,  # choice products only, unredeemed, within five days
        lists_by_date=True,
        requests_per_look=2,  # the order, then its line item
    )

    def __init__(self, settings: TangoSettings, *, within: float) -> None:
        self._account = settings.account_identifier
        self._customer = settings.customer_identifier
        super().__init__(
            settings.url,
            within=within,
            per_second=settings.max_per_second,
            auth=(settings.platform_name, settings.platform_key.get_secret_value()),
        )

    async def place_order(self, request: OrderRequest) -> OrderSnapshot:
        if request.delivery not in says.METHODS:
            raise OrderRejected("no plastic cards are ordered from Tango")
        body = says.order_body(request, customer=self._customer, account=self._account)
        response = await self._exchange("POST", "/orders", creates=True, json=body)
        if response.status_code not in (200, 201):
            raise says.refusal(response, request.recipient)
        with reading(f"a {response.status_code}", lost=OutcomeUnknown):
            order = document(response)
            says.compare(request, order)
            return says.snapshot(order, request.face.currency)

    async def get_order(self, provider_order_id: str, currency: str) -> OrderSnapshot:
        return await self._followed(await self._order(provider_order_id), currency)

    async def find_order(
        self, key: str, currency: str, *, not_before: datetime
    ) -> list[OrderSnapshot]:
        page = await self._page(externalRefID=key)
        with reading("the orders under a key"):
            ids = [r["referenceOrderID"] for r in says.rows(page, "orders") if _may_be(r, key)]
        # Rows leave out the value and the secret, so each order is read whole.
        found = [
            await self._followed(await self._order(order_id, later=True), currency)
            for order_id in ids
        ]
        return [snapshot for snapshot in found if snapshot.key == key]

    async def list_orders(self, since: datetime, until: datetime) -> AsyncIterator[OrderSnapshot]:
        """Orders of our account created in [since, until), without delivery states and secrets.
        `face` is None if neither line item nor row shows the value or a charge in the same
        currency.

        Tango shows at most 10,000 results of one search, so it is searched day by day, and a fuller
        day in halves."""
        windows = deque(_days(since, until))
        while windows:
            start, end = windows.popleft()
            page = await self._created_in(start, end, 0)
            if says.total(page) > _MOST:
                windows.extendleft(reversed(_halves(start, end)))
                continue
            values = await self._values(start, end) if says.total(page) else {}
            async for row in self._rows(start, end, page):
                with reading("a listed order"):
                    value = values.get(str(row["referenceOrderID"]))
                    listed = says.snapshot(row, None)
                yield listed.model_copy(update={"face": value}) if value else listed

    async def products(self) -> AsyncIterator[Product]:
        catalogue = await self._read("/catalogs", verbose="true")
        for brand in says.rows(catalogue, "brands"):
            for item in says.rows(brand, "items"):
                if product := says.product(item):
                    yield product

    async def resend(self, provider_order_id: str, email: str | None) -> None:
        """Mail the card again, to `email` if given. Raises RateLimited during Tango's cool-down,
        and OrderRejected for a card that Tango has not mailed."""
        path = f"/orders/{quote(provider_order_id, safe='')}/resends"
        response = await self._exchange("POST", path, json={"newEmail": email} if email else {})
        keys = says.error_keys(response)
        if response.status_code in (200, 201):
            return
        if not _COOL_DOWN.isdisjoint(keys):
            raise RateLimited("mailed a short time ago: Tango asks to wait")
        if _NOT_MAILED in keys:
            raise OrderRejected("Tango has not mailed this card, so it cannot mail it again")
        raise says.refusal(response, Recipient(email=email), unknown=NotSent)

    async def cancel(self, provider_order_id: str) -> bool:
        """Cancel the card. True once Tango has accepted it, which `get_order` then shows; False if
        this card cannot be cancelled."""
        line = await self._line(await self._order(provider_order_id))
        if not line or says.word(line, "status") == "CANCELLED":
            return bool(line)
        with reading("the line item"):
            path = f"/lineItems/{quote(str(line['referenceLineItemID']), safe='')}/cancel"
        reason = {"reasonCode": "OTHER", "otherReason": "Withdrawn by the programme"}
        response = await self._exchange("POST", path, json=reason)
        if response.status_code in (200, 202):
            return True
        if _CANNOT_CANCEL in says.error_keys(response) or response.status_code in (400, 409, 422):
            return False
        raise says.refusal(response, Recipient(), unknown=NotSent)

    async def _order(self, provider_order_id: str, *, later: bool = False) -> dict[str, Any]:
        return await self._read(f"/orders/{quote(provider_order_id, safe='')}", later=later)

    async def _followed(self, order: dict[str, Any], currency: str) -> OrderSnapshot:
        """The order, with its line item once it is complete: only that shows the delivery."""
        with reading("the order"):
            told = says.snapshot(order, currency)
            if told.state is not OrderState.ISSUED:
                return told
            return says.snapshot(order, currency, await self._line(order))

    async def _line(self, order: dict[str, Any]) -> dict[str, Any]:
        """The order's line item; empty if not listed. Searched for by both of the order's names,
        because older servers know only one."""
        with reading("the line items"):
            reference = order["referenceOrderID"]
            names = {"referenceOrderID": reference, "externalRefID": order.get("externalRefID")}
            known = {name: value for name, value in names.items() if value}
            lines = says.rows(await self._read("/lineItems", later=True, **known), "lineItems")
            return next((line for line in lines if line.get("referenceOrderID") == reference), {})

    async def _created_in(self, start: datetime, end: datetime, page: int) -> dict[str, Any]:
        # One second more at the end: Tango does not document whether ends are included.
        dates = {"startDate": _rfc3339(start), "endDate": _rfc3339(end + _FINEST)}
        return await self._page(later=True, **dates, elementsPerBlock=_BLOCK, page=page)

    async def _values(self, start: datetime, end: datetime) -> dict[str, Money]:
        """Face values by order. Rows of orders leave them out, but their line items show them."""
        values: dict[str, Money] = {}
        number, seen, total = 0, 0, 1
        while seen < min(total, _MOST):
            lines = await self._lines_in(start, end, number)
            found = says.rows(lines, "lineItems")
            for line in found:
                if value := says.value_of(line):
                    values[str(line.get("referenceOrderID"))] = value
            number, seen, total = number + 1, seen + len(found), says.total(lines)
            if not found:
                break
        return values

    async def _lines_in(self, start: datetime, end: datetime, page: int) -> dict[str, Any]:
        dates = {"startDate": _rfc3339(start), "endDate": _rfc3339(end + _FINEST)}
        account = {"accountIdentifier": self._account}
        block = {"elementsPerBlock": _BLOCK, "page": page}
        return await self._read("/lineItems", later=True, **account, **dates, **block)

    async def _rows(
        self, start: datetime, end: datetime, page: dict[str, Any]
    ) -> AsyncIterator[dict[str, Any]]:
        """Every row of a search, once. `page`: its first page. Rows are newest first, so new orders
        shift others to the next page while reading."""
        seen: set[str] = set()
        number = 0
        while rows := says.rows(page, "orders"):
            for row in rows:
                fresh = row.get("referenceOrderID") not in seen
                seen.add(row.get("referenceOrderID", ""))
                if fresh and start <= (says.created(row) or start) < end:
                    yield row
            number += 1
            if number * _BLOCK >= says.total(page):
                return
            page = await self._created_in(start, end, number)

    async def _page(self, *, later: bool = False, **filters: Any) -> dict[str, Any]:
        return await self._read("/orders", later=later, accountIdentifier=self._account, **filters)

    async def _read(self, path: str, *, later: bool = False, **params: Any) -> dict[str, Any]:
        """One document. `later`: a later one of several reads. If the rate limit refuses it, it
        waits and tries again."""
        response = await self._get(path, params, later=later)
        none = _NONE_FOUND in says.error_keys(response)
        return {} if none else self._document(path, response)

    def _refusal(self, response: httpx.Response) -> ProviderError:
        return says.refusal(response, Recipient())


def _may_be(row: dict[str, Any], key: str) -> bool:
    """Rows of older servers show no reference; the search filter is trusted then."""
    return says.key_of(row) in (key, None)


def _days(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """[since, until), cut at every UTC midnight."""
    start, until = since.astimezone(UTC), until.astimezone(UTC)
    while start < until:
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        yield start, min(midnight, until)
        start = midnight


def _halves(start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    if end - start <= _FINEST:
        raise NotSent(f"more orders within a second than the {_MOST} that Tango shows")
    middle = start + (end - start) / 2
    return [(start, middle), (middle, end)]


def _rfc3339(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
