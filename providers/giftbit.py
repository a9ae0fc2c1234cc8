"""Giftbit's API, version 1.

Facts: reference/gift-card-providers.md §3. The client's `id` is the idempotency key, for ever:
"Giftbit will only ever create one order with a given id". Only 200 is success, and a 200 may be an
order that waits for funds, or one that reached nobody. There are no webhooks: orders and their
rewards are polled. Bodies and statuses are in `giftbit_messages`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.orders import OrderRequest, OrderSnapshot, OrderState, Recipient
from domain.rewards import Delivery
from providers import giftbit_messages as says
from providers.client import ProviderClient
from providers.outcomes import NotSent, OrderRejected, OutcomeUnknown, ProviderError
from providers.protocol import Capabilities, Product, Replay
from providers.reading import document, in_turn, reading

_PATHS = {Delivery.EMAIL: "/campaign", Delivery.LINK: "/direct_links"}
_PAGE = 100
_AROUND = timedelta(hours=2)
"""Pacific time comes without its offset. When clocks go back one hour happens twice, and the server
does not say which of the two it means."""


class GiftbitSettings(BaseSettings):
    """This provider's section of the environment."""

    model_config = SettingsConfigDict(env_prefix="GUERDON_GIFTBIT_", hide_input_in_errors=True)

    url: HttpUrl = Field(description="base address, with /papi/v1")
    token: SecretStr = Field(description="the API key")
    max_per_second: float = Field(
        default=5,
        gt=0,
        description="requests a second, all workers; the real limit is adaptive and not published",
    )


class Giftbit(ProviderClient):
    """The adapter. `within`: seconds that one exchange may take."""

    name = "giftbit"
    capabilities = Capabilities(
        replay=Replay.REPLAYS,  # "send the POST again using the same id"
        signals_delivery=True,  # delivery_status of the reward
        key_life=None,  # an id is unique across all orders, whenever they were placed
        most_repeats=None,  # no limit is documented
        can_resend=True,
        resends_elsewhere=False,  # `resend` takes no address
        can_cancel=True,  # until the reward is claimed
        lists_by_date=True,
        requests_per_look=2,  # the order, then its reward; a third for a link
        lists_rewards=True,
    )

    def __init__(self, settings: GiftbitSettings, *, within: float) -> None:
        super().__init__(
            settings.url,
            within=within,
            per_second=settings.max_per_second,
            headers={"Authorization": f"Bearer {settings.token.get_secret_value()}"},
        )
        self._currencies: dict[str, str] = {}

    async def place_order(self, request: OrderRequest) -> OrderSnapshot:
        if request.delivery not in _PATHS:
            raise OrderRejected("Giftbit delivers by e-mail and by link only")
        path, body = _PATHS[request.delivery], says.order_body(request)
        response = await self._exchange("POST", path, creates=True, json=body)
        if response.status_code != 200:
            raise says.refusal(response, request.recipient)
        with reading("a 200", lost=OutcomeUnknown):
            answer = document(response)
            says.compare(request, answer["campaign"])
            links = says.links(answer)
            return says.snapshot(answer["campaign"], request.face.currency, links=links)

    async def get_order(self, provider_order_id: str, currency: str) -> OrderSnapshot:
        campaign = await self._campaign(provider_order_id)
        if campaign is None:
            raise NotSent("Giftbit shows no such order")
        return await self._followed(campaign, currency)

    async def find_order(
        self, key: str, currency: str, *, not_before: datetime
    ) -> list[OrderSnapshot]:
        campaign = await self._campaign(key)
        if campaign is None:
            return []
        with reading("the order"):
            ours, uuid = campaign.get("id") == key, str(campaign["uuid"])
        # The path shows only one order. The list of rewards would show a second one under the same
        # id.
        others = {str(g.get("campaign_uuid")) async for g in self._gifts(campaign_id=key)} - {uuid}
        found = [await self._followed(campaign, currency)] if ours else []
        return found + [await self.get_order(other, currency) for other in others]

    async def list_orders(self, since: datetime, until: datetime) -> AsyncIterator[OrderSnapshot]:
        """Rewards created in [since, until), one by one: Giftbit lists no orders, so orders that
        wait for funds are missing. Rewards show no charge.

        Their dates have no offset. A reward of the hour that happens twice in autumn counts as of
        the first one, so it is in exactly one window, and at most an hour from its true time."""
        dates = {
            "created_date_greater_than": says.pacific(since - _AROUND),
            "created_date_less_than": says.pacific(until + _AROUND),
        }
        async for gift in self._gifts(**dates):
            if since <= (says.created(gift) or since) < until:
                currency = await self._currency(str(gift.get("brand_code") or ""))
                with reading("a listed reward"):
                    listed = says.listed(gift, currency)
                yield listed

    async def products(self) -> AsyncIterator[Product]:
        async for brand in self._pages("/brands", "brands"):
            code = quote(str(brand.get("brand_code")), safe="")
            answer = await self._read(f"/brands/{code}", later=True)
            if product := says.product(answer.get("brand") or {}):
                yield product

    async def resend(self, provider_order_id: str, email: str | None) -> None:
        """Mail the reward again. Raises OrderRejected for another address, which Giftbit cannot
        use: the reward is cancelled and ordered anew instead, see `resends_elsewhere`."""
        async for gift in self._gifts(campaign_uuid=provider_order_id):
            mailed_to = str(gift.get("recipient_email") or "").lower()
            if email and mailed_to and email.lower() != mailed_to:
                raise OrderRejected("Giftbit mails a reward again to its first address only")
            await self._act("PUT", gift, json={"resend": True})
            return
        raise NotSent("Giftbit has not made the reward yet")

    async def cancel(self, provider_order_id: str) -> bool:
        """Cancel the reward. False once it is claimed, or before it is created: Giftbit cannot
        withdraw an order that waits for funds."""
        gone = False
        async for gift in self._gifts(campaign_uuid=provider_order_id):
            if gift.get("status") != says.WITHDRAWN:
                try:
                    await self._act("DELETE", gift)
                except OrderRejected:
                    return False
            gone = True
        return gone

    async def _campaign(self, name: str) -> dict[str, Any] | None:
        """An order by our id or Giftbit's; None if it does not exist."""
        answer = await self._read(f"/campaign/{quote(name, safe='')}", absent=(404, 422))
        if not answer:
            return None
        with reading("the order"):
            return dict(answer["campaign"])

    async def _followed(self, campaign: dict[str, Any], currency: str) -> OrderSnapshot:
        """The order with its reward and link, once it is created: only they show the delivery."""
        with reading("the order"):
            told = says.snapshot(campaign, currency)
            if told.state is not OrderState.ISSUED:
                return told
            gifts = [gift async for gift in self._gifts(campaign_uuid=str(campaign["uuid"]))]
            links = [] if says.is_mailed(campaign) else await self._links(told.provider_order_id)
            return says.followed(campaign, currency, gifts, links)

    async def _links(self, uuid: str) -> list[str]:
        """None while the links are being made, which may take minutes."""
        return says.links(await self._read(f"/links/{quote(uuid, safe='')}", later=True))

    async def _currency(self, code: str) -> str | None:
        """A brand's currency, which rewards do not show. It never changes, so it is cached."""
        if code and code not in self._currencies:
            answer = await self._read(f"/brands/{quote(code, safe='')}", later=True, absent=(422,))
            self._currencies[code] = str(
                (answer.get("brand") or {}).get("fund_currencyisocode") or ""
            )
        return self._currencies.get(code) or None

    async def _act(self, method: str, gift: dict[str, Any], **parts: Any) -> None:
        """Do something to one reward. Raises OrderRejected when it cannot be done."""
        with reading("a reward"):
            path = f"/gifts/{quote(str(gift['uuid']), safe='')}"
        response = await in_turn(partial(self._accepted, method, path, **parts), every=self._every)
        if response.status_code != 200:
            raise says.refusal(response, Recipient(), unknown=NotSent)

    async def _gifts(self, **filters: str) -> AsyncIterator[dict[str, Any]]:
        async for gift in self._pages("/gifts", "gifts", **filters):
            yield gift

    async def _pages(self, path: str, member: str, **filters: str) -> AsyncIterator[dict[str, Any]]:
        """Every row, once. Rows that are added while reading shift others to the next page."""
        seen: set[str] = set()
        offset, more = 0, True
        while more:
            params = {**filters, "limit": _PAGE, "offset": offset}
            page = await self._read(path, params, later=True)
            rows = says.rows(page, member)
            for row in rows:
                name = str(row.get("uuid") or row.get("brand_code"))
                if name not in seen:
                    yield row
                seen.add(name)
            offset += len(rows)
            more = bool(rows) and offset < says.total(page)

    async def _read(
        self,
        path: str,
        params: dict[str, Any] | None = None,
        *,
        later: bool = False,
        absent: tuple[int, ...] = (),
    ) -> dict[str, Any]:
        """One document; empty for the statuses in `absent`. `later`: it is a later one of several
        reads."""
        response = await self._get(path, params, later=later)
        return {} if response.status_code in absent else self._document(path, response)

    def _refusal(self, response: httpx.Response) -> ProviderError:
        return says.refusal(response, Recipient())
