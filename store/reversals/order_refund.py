"""A refund that names the shop's order, and its identity."""

from __future__ import annotations

from pydantic import BaseModel

from domain.ids import digest
from domain.purchases import OrderIds, Sort, key
from domain.repeats import Content, Kind, trimmed
from domain.reversal import Cause
from store.access.identities import Given, given


class OrderRefund(BaseModel):
    """A refund, by the order's id. `campaign_id` narrows it; `all_campaigns` says that the order is
    the same in all campaigns. The rest as for one referral."""

    order_id: str
    sort: Sort = Sort.SOURCE_ID
    campaign_id: str | None = None
    all_campaigns: bool = False
    refunded: int | None
    reason: str
    identity: str | None
    order_amount: int | None = None
    currency: str | None = None
    cause: Cause = Cause.REFUND
    actor: str | None = None

    @property
    def order_key(self) -> str:
        return key(self.sort, self.order_id)

    @property
    def orders(self) -> OrderIds:
        """Every id by which the purchase may be known: a shop that sent no id of its own names the
        order by another system's."""
        own = (self.order_id,)
        return OrderIds(source_ids=own if self.sort is Sort.SOURCE_ID else (), ids=own)

    @property
    def content(self) -> Content:
        return Content(amount=self.refunded)

    @property
    def named(self) -> Given | None:
        """Its identity, if the caller gave one."""
        if self.identity is None:
            return None
        return given(Kind.REFUND, self.identity, "order", self.order_key, self.campaign_id or "")

    @property
    def early_id(self) -> str:
        """The primary key while it waits for its purchase. A whole refund without an id is stored
        once per order."""
        name = "all of it" if self.identity is None else f"named {trimmed(self.identity)}"
        return digest(self.order_key, self.campaign_id or "", name)
