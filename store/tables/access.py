"""Credentials, stored answers, and the secret that never rotates."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from store.tables.columns import instant


class ApiKey(SQLModel, table=True):
    """A credential: `X-App-Id` and the hash of `X-App-Token`."""

    __tablename__ = "api_keys"

    app_id: str = Field(primary_key=True)
    token_hash: str
    role: str
    created_at: datetime = instant()
    revoked_at: datetime | None = instant(nullable=True)


class IdempotentAnswer(SQLModel, table=True):
    """The first answer to a request with an Idempotency-Key, kept to be given again."""

    __tablename__ = "idempotent_answers"

    app_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: str
    status: int | None = None
    content_type: str | None = None
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    started_at: datetime = instant(index=True)
    finished_at: datetime | None = instant(nullable=True)


class LastingSecret(SQLModel, table=True):
    """The one secret that never rotates. Order keys and the marks of erased people hang on it."""

    __tablename__ = "lasting_secrets"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    secret: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = instant()
