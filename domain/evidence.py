"""A grant's evidence: one document of hash-chained sections, with ids and amounts only.

Each section's hash covers its name, its content and the previous section's hash, and the deployment
signs the last one. The hashes show which section was changed; the signature shows that the
deployment wrote them."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from pydantic import BaseModel

BEGIN = "0" * 64


class Section(BaseModel):
    """One part of the evidence. `hash` covers `previous`."""

    name: str
    content: Any
    previous: str
    hash: str


class Signature(BaseModel):
    """The deployment's Ed25519 signature of the grant's id and the head. Hexadecimal."""

    public_key: str
    value: str


class Evidence(BaseModel):
    """All the evidence for one grant."""

    object: str = "grant_evidence"
    grant_id: str
    sections: list[Section]
    head: str
    """The last section's hash; a copy kept elsewhere proves the whole document."""
    signature: Signature | None = None
    """By the deployment that issued it."""


def chain(grant_id: str, sections: dict[str, Any]) -> Evidence:
    """The document of these sections, in their order. Their contents are JSON values."""
    previous, chained = BEGIN, []
    for name, content in sections.items():
        hashed = _hash(grant_id, name, content, previous)
        chained.append(Section(name=name, content=content, previous=previous, hash=hashed))
        previous = hashed
    return Evidence(grant_id=grant_id, sections=chained, head=previous)


def first_wrong(evidence: Evidence) -> str | None:
    """The first section that was changed; None if none was."""
    previous = BEGIN
    for section in evidence.sections:
        hashed = _hash(evidence.grant_id, section.name, section.content, previous)
        if section.previous != previous or section.hash != hashed:
            return section.name
        previous = section.hash
    return None if evidence.head == previous else "head"


def signed_text(evidence: Evidence) -> bytes:
    """The signed text: the head covers every section."""
    return f"guerdon evidence\n{evidence.grant_id}\n{evidence.head}".encode()


def _hash(grant_id: str, name: str, content: Any, previous: str) -> str:
    text = json.dumps([grant_id, name, content, previous], sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()
