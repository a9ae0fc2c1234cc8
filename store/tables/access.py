"""Credentials, stored answers, and the secret that never rotates."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, Column, Index, LargeBinary, String, text
from sqlmodel import Field, SQLModel

from store.tables.columns import document, instant


class ApiKey(SQLModel, table=True):
    """A credential: `X-App-Id` and the hash of `X-App-Token`."""

    __tablename__ = "api_keys"

    app_id: str = Field(primary_key=True)
    token_hash: str
    role: str
    name: str = Field(default="", sa_column_kwargs={"server_default": ""})
    scopes: list[str] = document(
        default_factory=list, nullable=False, sa_column_kwargs={"server_default": text("'[]'")}
    )
    """Rights beyond its role: values of domain.roles.Scope."""
    created_at: datetime = instant()
    last_used_at: datetime | None = instant(nullable=True)
    """To the minute: not every use is recorded."""
    expires_at: datetime | None = instant(nullable=True)
    revoked_at: datetime | None = instant(nullable=True)


class Actor(SQLModel, table=True):
    """A person behind a shared credential, as `X-Guerdon-Actor` named them. Events and staff
    requests store the id; the name is joined when they are read."""

    __tablename__ = "actors"

    id: str = Field(primary_key=True)
    app_id: str = Field(foreign_key="api_keys.app_id", index=True)
    name: str
    created_at: datetime = instant()


class IdempotentAnswer(SQLModel, table=True):
    """The first answer to a request with an Idempotency-Key, for replays."""

    __tablename__ = "idempotent_answers"
    __table_args__ = (Index("ix_idempotent_answers_subjects", "subjects", postgresql_using="gin"),)

    app_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: str
    status: int | None = None
    content_type: str | None = None
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    subjects: list[str] | None = Field(
        default=None, sa_column=Column("subjects", ARRAY(String), nullable=True)
    )
    """Who is named in the request and its answer: our ids, and keyed hashes of the caller's own.
    None in rows older than this column."""
    started_at: datetime = instant(index=True)
    finished_at: datetime | None = instant(nullable=True)


class ErasedName(SQLModel, table=True):
    """How often the person behind a `source_id` was erased. `mark`: its hash under the lasting
    secret."""

    __tablename__ = "erased_names"

    mark: str = Field(primary_key=True)
    times: int


class LastingSecret(SQLModel, table=True):
    """The one secret that never rotates. Order keys and the marks of erased people depend on it."""

    __tablename__ = "lasting_secrets"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    secret: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = instant()


class DeploymentKey(SQLModel, table=True):
    """The key that signs evidence; the private half is encrypted, the id is associated data."""

    __tablename__ = "deployment_keys"

    id: str = Field(primary_key=True)
    public_key: str
    """Ed25519, hexadecimal."""
    ciphertext: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = instant()
