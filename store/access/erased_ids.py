"""The keyed hash that replaces a caller's own id once its person is erased.

The same id gives the same hash, and without the deployment's lasting secret nobody can test guesses
against it.
"""

from __future__ import annotations

import hmac

from store.access.lasting_secret import key_for
from store.database import Transaction

_PREFIX = "erased:"


async def erased_form(tx: Transaction, id: str) -> str:
    """The hash; an id that is a hash already is returned unchanged."""
    if id.startswith(_PREFIX):
        return id
    key = await key_for(tx, "ids of erased people")
    return _PREFIX + hmac.digest(key, id.encode(), "sha256").hex()[:32]
