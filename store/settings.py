"""What the store needs to be told, from the environment."""

from __future__ import annotations

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class StoreSettings(BaseSettings):
    """Where PostgreSQL is, and the keys that encrypt claim links."""

    model_config = SettingsConfigDict(env_prefix="GUERDON_")

    database_url: SecretStr = Field(description="postgresql://user:password@host:port/database")
    encryption_keys: SecretStr = Field(
        description="id:base64,… of 32 bytes each; the first encrypts, all decrypt"
    )
    database_pool: int = Field(default=20, ge=2, le=200, description="connections a process")

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must begin with postgresql://")
        return url


def explain(error: ValueError) -> str:
    """One line that names the setting that is missing or malformed, never its value."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_input=False, include_url=False)[0]
    prefixes = {
        section.__name__: section.model_config["env_prefix"]
        for section in BaseSettings.__subclasses__()
    }
    field = "_".join(str(part) for part in first["loc"]).upper()
    return f"{prefixes.get(error.title, '')}{field}: {first['msg']}"
