"""A grant's evidence: one document of hash-chained sections, ids and amounts only.

Each section's hash is over its name, its content and the hash of the section before it, and the
deployment signs the last one. The hashes name the section that was changed; the signature shows
that nobody but the deployment wrote them.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from pydantic import BaseModel

BEGIN = "0" * 64


class Section(BaseModel):
    """One part of the story. `hash` follows `previous`."""

    name: str
    content: Any
    previous: str
    hash: str


class Signature(BaseModel):
    """Of the grant's id and the head, by the deployment's Ed25519 key. Hexadecimal."""

    public_key: str
    value: str


class Evidence(BaseModel):
    """All there is to show for one grant."""

    object: str = "grant_evidence"
    grant_id: str
    sections: list[Section]
    head: str
    """The last section's hash: kept elsewhere, it vouches for the whole document."""
    signature: Signature | None = None
    """By the deployment that gave it out."""


def chain(grant_id: str, sections: dict[str, Any]) -> Evidence:
    """The document of these sections, in their order. Contents are JSON already."""
    previous, chained = BEGIN, []
    for name, content in sections.items():
        hashed = _hash(grant_id, name, content, previous)
        chained.append(Section(name=name, content=content, previous=previous, hash=hashed))
        previous = hashed
    return Evidence(grant_id=grant_id, sections=chained, head=previous)


def first_wrong(evidence: Evidence) -> str | None:
    """The first section that is not as it was written; None when all holds."""
    previous = BEGIN
    for section in evidence.sections:
        hashed = _hash(evidence.grant_id, section.name, section.content, previous)
        if section.previous != previous or section.hash != hashed:
            return section.name
        previous = section.hash
    return None if evidence.head == previous else "head"


def signed_text(evidence: Evidence) -> bytes:
    """What is signed: the head stands for every section."""
    return f"guerdon evidence\n{evidence.grant_id}\n{evidence.head}".encode()


def _hash(grant_id: str, name: str, content: Any, previous: str) -> str:
    text = json.dumps([grant_id, name, content, previous], sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()
