"""Whatever stands in a body, an order call refuses or takes it: a 5xx would mean "perhaps"."""

import copy
import itertools

import pytest

from tests.simulator.simulator_process import partners_order

JUNK = (None, 0, -1, 1.5, "", [], {}, [1], {"a": 1}, True, 10**30, [None])
BODIES = {
    "/giftcard-partners/v1/Orders": partners_order("k"),
    "/tremendous/api/v2/orders": {
        "external_id": "k",
        "payment": {"funding_source_id": "BALANCE"},
        "reward": {
            "products": ["OKMHM2X2OHYV"],
            "value": {"denomination": 20},
            "recipient": {"email": "ann@example.com"},
            "delivery": {"method": "EMAIL"},
        },
    },
    "/tango/raas/v2/orders": {
        "externalRefID": "k",
        "customerIdentifier": "c",
        "accountIdentifier": "a",
        "utid": "U000001",
        "amount": 20,
        "sendEmail": True,
        "recipient": {"email": "ann@example.com"},
    },
    "/giftbit/papi/v1/campaign": {
        "id": "k",
        "contacts": [{"email": "ann@example.com"}],
        "price_in_cents": 2000,
        "brand_codes": ["amazonus"],
    },
    "/runa/v2/order": {
        "payment_method": {"type": "ACCOUNT_BALANCE", "currency": "USD"},
        "items": [
            {
                "face_value": 20,
                "distribution_method": {"type": "PAYOUT_LINK"},
                "products": {"type": "SINGLE", "value": "AMZ-US"},
            }
        ],
    },
}


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        names = value if isinstance(value, dict) else range(len(value))
        for name in names:
            yield from places(value[name], (*path, name))


def replaced(body, path, junk):
    if not path:
        return junk
    body = copy.deepcopy(body)
    inner = body
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = junk
    return body


@pytest.mark.parametrize("url", BODIES)
async def test_no_body_makes_a_5xx(partners, url):
    if "partners" not in url:
        partners.headers["authorization"] = "Bearer token"
    if "tango" in url:
        partners.auth = ("platform", "key")
    partners.headers["x-api-key"] = "key"
    for n, (path, junk) in enumerate(itertools.product(places(BODIES[url]), JUNK)):
        body = replaced(BODIES[url], path, junk)
        answer = await partners.post(url, json=body, headers={"x-idempotency-key": f"k{n}"})
        assert answer.status_code < 500, (path, junk)
