"""What stands in place of a caller's own id once its person is erased: a hash that nobody can try
against guesses without the deployment's lasting secret, and by which the same id is known again."""

from __future__ import annotations

import hmac

from store.access.lasting_secret import key_for
from store.database import Transaction

_PREFIX = "erased:"


async def erased_form(tx: Transaction, id: str) -> str:
    """The hash; of what is one already, itself."""
    if id.startswith(_PREFIX):
        return id
    key = await key_for(tx, "ids of erased people")
    return _PREFIX + hmac.digest(key, id.encode(), "sha256").hex()[:32]
