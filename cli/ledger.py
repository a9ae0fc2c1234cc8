"""`guerdon ledger verify`: checks that the ledger and the events are as they were sealed, and the
counters what the rows come to. `guerdon ledger recount`: counts them again. `guerdon ledger head`:
prints the hashes to keep elsewhere, so that rewriting both chains is noticed.

Exit status: 0, all is right; 1, something was rewritten or a counter is wrong, which is named; 2,
it could not be checked."""

from __future__ import annotations

import asyncio
import json

import typer

from cli.surroundings import find_surroundings, one_line_errors
from store.counts import check as counts
from store.database import Database
from store.ledger.seals import EVENTS, LEDGER, Chain, Checked, verify

_CHAINS = (LEDGER, EVENTS)


def run(head: str | None = None) -> int:
    """Run the command; return its exit status. `head`: a hash that an earlier run printed, of
    either chain."""
    with one_line_errors():
        wanted = _hash(head)
        checked, counted = asyncio.run(_check(find_surroundings(), wanted))
    whole = all([_print_result(chain, one) for chain, one in zip(_CHAINS, checked, strict=True)])
    whole = _print_counters(counted) and whole
    if wanted is None:
        return 0 if whole else 1
    known = [
        f"block {one.known} of the {chain.name}"
        for chain, one in zip(_CHAINS, checked, strict=True)
        if one.known
    ]
    if known:
        print(f"The head {head} is {known[0]}: up to there nothing was sealed anew.")
    else:
        print(f"No block has the head {head}: the chain was cut off, or sealed anew.")
    return 0 if whole and known else 1


def recount() -> int:
    """Set every counter to what the rows come to, and say how many were different."""
    with one_line_errors():
        mended = asyncio.run(_recount(find_surroundings()))
    print(f"{mended} counters were different." if mended else "All counters were right.")
    return 0


def head() -> int:
    """Print both heads as one line of JSON. Returns 1 if a chain is broken."""
    with one_line_errors():
        checked = asyncio.run(_verify(find_surroundings(), None))
    if any(one.broken for one in checked):
        for chain, one in zip(_CHAINS, checked, strict=True):
            _print_result(chain, one)
        return 1
    heads = {
        chain.name: {"block": one.blocks, "head": one.head.hex()}
        for chain, one in zip(_CHAINS, checked, strict=True)
    }
    print(json.dumps(heads))
    return 0


def _print_result(chain: Chain, checked: Checked) -> bool:
    """Print what was found in one chain; return whether it is intact."""
    if checked.broken:
        where = f"entry {checked.broken.seq}" if checked.broken.seq is not None else "the seal"
        print(f"{chain.name}: block {checked.broken.block}, {where}: {checked.broken.words}.")
        return False
    print(
        f"{chain.name}: {checked.blocks} blocks over {checked.entries} entries hold;"
        f" {checked.unsealed} entries wait for their seal.\n"
        f"Head of the chain ({chain.name}): {checked.head.hex()}"
    )
    return True


def _print_counters(counted: counts.Checked) -> bool:
    """Say which counters differ; whether none does."""
    for one in counted.different:
        print(f"counter {one.key}: holds {one.kept}; too small by {one.off_by}.")
    if counted.different:
        print("`guerdon ledger recount` sets the counters right.")
        return False
    print(f"counters: {counted.sums} sums are what the rows come to.")
    return True


def _hash(head: str | None) -> bytes | None:
    try:
        hashed = None if head is None else bytes.fromhex(head)
    except ValueError:
        hashed = b""
    if hashed is not None and len(hashed) != 32:
        raise typer.BadParameter("must be the 64 hexadecimal digits that `ledger verify` prints")
    return hashed


async def _check(database_url: str, head: bytes | None) -> tuple[list[Checked], counts.Checked]:
    sealed = await _verify(database_url, head)
    database = Database(database_url, pool=1)
    try:
        return sealed, await counts.check(database)
    finally:
        await database.dispose()


async def _recount(database_url: str) -> int:
    database = Database(database_url, pool=1)
    try:
        return await counts.recount(database)
    finally:
        await database.dispose()


async def _verify(database_url: str, head: bytes | None) -> list[Checked]:
    database = Database(database_url, pool=1)
    try:
        return [await verify(database, chain, head) for chain in _CHAINS]
    finally:
        await database.dispose()
