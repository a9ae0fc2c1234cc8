"""A hash chain over the ledger's entries, and one over the events, in blocks.

A block holds one digest per entry and a hash over them, over its bounds and over the previous
block's hash. So a changed, missing or added entry is found, and a rewritten block breaks every
later block."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

DIGEST = 16
"""Bytes kept of an entry's digest: 128 bits rule out collisions by chance or search."""
GENESIS = bytes(32)
"""The `previous` of the first block."""


class Sealed(NamedTuple):
    """A ledger entry, as it is sealed."""

    seq: int
    xid: int
    transaction_id: str
    at: datetime
    kind: str
    subject: str
    account: str
    amount: int
    currency: str
    corrects: str | None


class Block(NamedTuple):
    """Entries of the transactions [from_xid, to_xid), by `seq`."""

    number: int
    from_xid: int
    to_xid: int
    seqs: list[int]
    digests: bytes
    previous: bytes
    hash: bytes


class Break(NamedTuple):
    """Where the chain is broken: the first block, and the first entry in it. `seq` is None when the
    block itself was rewritten."""

    block: int
    seq: int | None
    words: str


Entry = Sequence[Any]
"""A row as it is sealed: its `seq` first, then its other columns in a fixed order."""


def digest(entry: Entry) -> bytes:
    """An entry's own digest. Each text follows its length, so that no two entries encode alike."""
    text = "".join(f"{len(part)}:{part}" for part in map(_text, entry))
    return sha256(text.encode()).digest()[:DIGEST]


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case bytes():
            return value.hex()
        case dict():
            return json.dumps(value, sort_keys=True, separators=(",", ":"))
        case _:
            return str(value)


def words_hash(key: bytes, words: str) -> bytes:
    """What an event keeps of erasable words. The key is 32 random bytes, and is erased with
    them."""
    return sha256(key + words.encode()).digest()


def block_hash(
    number: int, from_xid: int, to_xid: int, seqs: list[int], digests: bytes, previous: bytes
) -> bytes:
    """The hash that the next block includes."""
    head = f"{number}|{from_xid}|{to_xid}|{','.join(map(str, seqs))}|".encode()
    return sha256(previous + head + digests).digest()


def seal(
    number: int, from_xid: int, to_xid: int, entries: Sequence[Entry], previous: bytes
) -> Block:
    """The block of these entries."""
    seqs, digests = [entry[0] for entry in entries], b"".join(map(digest, entries))
    hashed = block_hash(number, from_xid, to_xid, seqs, digests, previous)
    return Block(number, from_xid, to_xid, seqs, digests, previous, hashed)


def first_break(block: Block, entries: Sequence[Entry], previous: bytes, ends: int) -> Break | None:
    """The first difference from what was sealed; None if there is none. `previous` and `ends`: hash
    and to_xid of the previous block."""
    expected = block_hash(
        block.number, block.from_xid, block.to_xid, block.seqs, block.digests, block.previous
    )
    chained = block.previous == previous and block.from_xid == ends
    if expected != block.hash or not chained:
        return Break(block.number, None, "the block itself was written anew")
    kept = dict(zip(block.seqs, _pieces(block.digests), strict=True))
    now = {entry[0]: digest(entry) for entry in entries}
    for seq in sorted({*kept, *now}):
        if kept.get(seq) != now.get(seq):
            return Break(block.number, seq, _words(seq in kept, seq in now))
    return None


def _pieces(digests: bytes) -> list[bytes]:
    return [digests[at : at + DIGEST] for at in range(0, len(digests), DIGEST)]


def _words(was_there: bool, is_there: bool) -> str:
    if was_there and is_there:
        return "was changed after it was sealed"
    return "was removed after it was sealed" if was_there else "was added behind the seal"
