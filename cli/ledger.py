"""`guerdon ledger verify`: whether the ledger is as it was sealed.

Exit status: 0, all holds; 1, something was rewritten, which is named; 2, it could not be checked.
"""

from __future__ import annotations

import asyncio

from cli.surroundings import find_surroundings, told_in_a_line
from store.database import Database
from store.ledger.seals import Checked, verify


def run() -> int:
    """The command; its exit status."""
    with told_in_a_line():
        checked = asyncio.run(_verify(find_surroundings()))
    if checked.broken:
        where = f"entry {checked.broken.seq}" if checked.broken.seq else "the seal"
        print(f"Block {checked.broken.block}, {where}: {checked.broken.words}.")
        return 1
    print(
        f"{checked.blocks} blocks over {checked.entries} entries hold;"
        f" {checked.unsealed} entries wait for their seal.\nHead of the chain: {checked.head.hex()}"
    )
    return 0


async def _verify(database_url: str) -> Checked:
    database = Database(database_url, pool=1)
    try:
        return await verify(database)
    finally:
        await database.dispose()
