"""Finds referrals by anything that a person knows of them.

People, codes, orders and ids are looked up first, each by its own index; then the referrals with
these. `q` is: an e-mail, phone number, source_id, code or order id; any id of ours; a provider's
order id or key; else the beginnings of words in a name, e-mail, source_id or code, all of them in
one."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    any_,
    bindparam,
    false,
    func,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped
from sqlmodel import col

from domain.codes import code_typed
from domain.customers import email_searched
from domain.purchases import Sort
from store.database import ReadSession
from store.lists.pages import EXACT
from store.lists.words import Hits, Indexed, hits, query_of, words_of
from store.referrals.purchases import known_by
from store.tables import Customer, Redemption, Referral, Voucher

_PEOPLE = Indexed("customers", "person_words(name, email, source_id)")
_CODES = Indexed("vouchers", "search_words(code)")
_FEWEST_DIGITS = 6
"""Minimum digits of a phone number."""
_NAMED = text("""
SELECT * FROM (SELECT 'people' AS kind, id FROM customers WHERE id = :q
    UNION SELECT 'people', id FROM customers WHERE source_id = :q
    UNION SELECT 'people', id FROM customers WHERE lower(email) = :email
    UNION SELECT 'people', id FROM customers WHERE :digits <> '' AND phone_digits(phone) = :digits
    LIMIT :most) AS people
UNION SELECT 'codes', id FROM vouchers WHERE id = :q
UNION SELECT 'codes', id FROM vouchers WHERE code_reading(code) = code_reading(:code)
UNION SELECT 'referrals', id FROM referrals WHERE id = :q
UNION SELECT 'referrals', referral_id FROM grants WHERE id = :q
UNION SELECT 'referrals', g.referral_id FROM orders o JOIN grants g ON g.id = o.grant_id
      WHERE o.id = :q
UNION SELECT 'referrals', g.referral_id FROM orders o JOIN grants g ON g.id = o.grant_id
      WHERE o.key = :q
UNION SELECT 'referrals', g.referral_id FROM orders o JOIN grants g ON g.id = o.grant_id
      WHERE o.provider_order_id = :q
UNION SELECT 'referrals', referral_id FROM redemptions WHERE id = :q
UNION SELECT 'referrals', r.referral_id FROM rollbacks b
      JOIN redemptions r ON r.id = b.redemption_id WHERE b.id = :q
UNION SELECT 'referrals', referral_id FROM reversals WHERE id = :q""")


class Found(NamedTuple):
    """Conditions on referrals, any of which must match; each has an index. `estimate`: about how
    many they are, if there is only one condition and it has no index."""

    conditions: list[ColumnElement[bool]]
    estimate: int | None = None


async def people_of_email(session: ReadSession, email: str) -> list[str]:
    """People with this e-mail address, ignoring case."""
    theirs = func.lower(Customer.email) == email_searched(email).lower()
    return list(await session.scalars(select(col(Customer.id)).where(theirs).limit(EXACT)))


def of_parties(people: list[str]) -> list[ColumnElement[bool]]:
    """One of these people is referrer or referee."""
    if not people:
        return [false()]
    return [_is_one(col(Referral.referrer_id), people), _is_one(col(Referral.referee_id), people)]


async def of_order(session: ReadSession, order_source_id: str) -> list[str]:
    """Referrals whose conversion or discount came with this order: by the shop's own id, else by
    another system's."""
    found: set[str] = set()
    for table, id in ((Referral, col(Referral.id)), (Redemption, col(Redemption.referral_id))):
        for sort in (Sort.SOURCE_ID, Sort.ID):
            theirs = select(id).where(known_by(table, sort, order_source_id), id.is_not(None))
            if ids := list(await session.scalars(theirs)):
                found.update(one for one in ids if one)
                break
    return sorted(found)


def of_ids(ids: list[str]) -> list[ColumnElement[bool]]:
    """One of these."""
    return [_is_one(col(Referral.id), ids) if ids else false()]


async def anywhere(session: ReadSession, q: str) -> Found:
    """The referrals that `q` may mean."""
    named = email_searched(q) if "@" in q else q.strip()
    people, codes, referrals = await _named(session, named)
    words = words_of(named)
    begun = with_code = Hits([], 0)
    if not ("@" in named and people):
        begun, with_code = await hits(session, [_PEOPLE, _CODES], words)
    referrals += await of_order(session, named)
    by_index = of_ids(referrals)
    if people := people + (begun.ids or []):
        by_index += of_parties(people)
    if codes := codes + (with_code.ids or []):
        by_index.append(_is_one(col(Referral.voucher_id), codes))
    if begun.ids is not None and with_code.ids is not None:
        return Found(by_index)
    return Found([or_(*by_index, *_has(words))], max(begun.estimate, with_code.estimate))


async def _named(session: ReadSession, named: str) -> tuple[list[str], list[str], list[str]]:
    """People, codes and referrals with exactly this name or id."""
    digits = re.sub(r"\D", "", named)
    given = {
        "q": named,
        "code": code_typed(named),
        "email": named.lower(),
        "digits": digits if len(digits) >= _FEWEST_DIGITS else "",
        "most": EXACT,
    }
    found: dict[str, list[str]] = {"people": [], "codes": [], "referrals": []}
    for kind, id in await session.execute(_NAMED, given):
        if id:
            found[kind].append(id)
    return found["people"], found["codes"], found["referrals"]


def _is_one(column: Mapped[Any], ids: list[str]) -> ColumnElement[bool]:
    if len(ids) == 1:
        return column == ids[0]
    return column == any_(bindparam(None, ids, type_=ARRAY(Text)))


def _has(words: list[str]) -> list[ColumnElement[Any]]:
    """The condition that a referral's parties and code contain the words. Frequent words are soon
    found in the newest referrals, without an index."""
    query = func.to_tsquery(literal_column("'simple'"), query_of(words))
    parties = [col(Referral.referrer_id), col(Referral.referee_id)]
    person = func.person_words(Customer.name, Customer.email, Customer.source_id)
    looked = [(person, col(Customer.id), one) for one in parties]
    looked.append((func.search_words(Voucher.code), col(Voucher.id), col(Referral.voucher_id)))
    return [
        select(vector.bool_op("@@")(query)).where(id == its).correlate(Referral).scalar_subquery()
        for vector, id, its in looked
    ]
