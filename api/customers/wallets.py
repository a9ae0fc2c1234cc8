"""Using what a customer's wallet holds."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path, Request
from pydantic import BaseModel, Field

from api.http.fields import Reference, Strict, identity_of, with_examples
from api.http.idempotency import HEADER
from api.http.ids import CurrencyCode, CustomerId, Minor
from api.http.parameters import CustomerPath
from api.http.resources import Held
from api.http.route import GuardedRouter
from domain.customers import Metadata
from domain.roles import Role
from store.customers import holdings
from store.customers import queries as customers
from store.database import ReadSession
from store.grants import wallets
from store.grants.wallet_returns import give_back

router = GuardedRouter("/v1/customers", "Customers")


class UseIn(Strict):
    """Credits or points that a customer pays with."""

    model_config = with_examples({"amount": 500, "unit": "USD", "reference": "checkout-4711"})

    amount: int = Field(ge=1, le=10**15, description="Minor units, or points.")
    unit: str = Field(min_length=1, max_length=10, description="A currency, or POINTS.")
    reference: Reference = Field(
        description="The use's own name. The same one again is not taken twice; with another "
        "amount it is refused.",
    )


class UseAnswer(BaseModel):
    """The wallet after it was used."""

    object: Literal["wallet"] = "wallet"
    customer_id: CustomerId
    unit: CurrencyCode
    balance: Minor


@router.post(
    "/{customer_id}/wallet-uses",
    "resource_not_found",
    "identity_reused",
    "not_allowed_in_state",
    roles=[Role.SERVICE],
)
async def use_wallet(customer_id: CustomerPath, body: UseIn, held: Held) -> UseAnswer:
    """Take credits or points out of a wallet, first what expires first; never more than it
    holds."""
    async with held.database.transaction() as tx:
        session = ReadSession(tx.session)
        customer = await customers.find(session, customer_id)
        await wallets.use(tx, customer.id, body.unit, body.amount, body.reference)
        await tx.session.flush()
        found = await holdings.wallets_of(session, customer.id)
    balance = sum(wallet.balance for wallet in found if wallet.unit == body.unit)
    return UseAnswer(customer_id=customer.id, unit=body.unit, balance=balance)


class ReturnIn(Strict):
    """What of a use is given back. `metadata.refund_id`, else the Idempotency-Key, is its
    identity; only a return of all that is left needs none."""

    model_config = with_examples({"amount": 200, "metadata": {"refund_id": "re_1001"}})

    amount: int | None = Field(
        default=None,
        ge=1,
        le=10**15,
        strict=True,
        description="Minor units, or points. Absent: all that is left of the use.",
    )
    reason: str | None = Field(default=None, max_length=500, description="For the timeline.")
    metadata: Metadata = Field(default={})


class ReturnAnswer(UseAnswer):
    """The wallet after something came back, and the use that it came back from."""

    used: int = Field(description="What the use had taken.", examples=[400])
    returned: int = Field(description="How much of that was given back so far.", examples=[200])


@router.post(
    "/{customer_id}/wallet-uses/{reference:path}/reverse",
    "resource_not_found",
    "identity_reused",
    "not_allowed_in_state",
    roles=[Role.SERVICE, Role.SUPPORT],
)
async def give_back_use(
    customer_id: CustomerPath,
    reference: Annotated[str, Path(description="The reference that the use was made under.")],
    held: Held,
    request: Request,
    body: ReturnIn | None = None,
) -> ReturnAnswer:
    """Give back what a wallet was used for, whole or in part: the goods came back. Credits that
    lapsed meanwhile are usable again for 30 days."""
    given = body or ReturnIn()
    identity = identity_of(given.metadata, "refund_id") or request.headers.get(HEADER)
    async with held.database.transaction() as tx:
        session = ReadSession(tx.session)
        customer = await customers.find(session, customer_id)
        use = await give_back(tx, customer.id, reference, given.amount, identity, given.reason)
        await tx.session.flush()
        found = await holdings.wallets_of(session, customer.id)
    balance = sum(wallet.balance for wallet in found if wallet.unit == use.unit)
    members = {"unit": use.unit, "used": use.amount, "returned": use.returned}
    return ReturnAnswer(customer_id=customer.id, balance=balance, **members)
