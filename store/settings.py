"""The store's settings, from the environment."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from store.postgres_url import parse


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
        parse(url.get_secret_value())
        return url


class WrongSettings(ValueError):
    """All settings that are missing or malformed, in one line."""


def check_all(*sections: Callable[[], object]) -> None:
    """Read each section of the environment.

    Raises WrongSettings, which names all problems in all sections, so that nobody has to start five
    times to learn of five."""
    wrong = []
    for section in sections:
        try:
            section()
        except ValueError as error:
            wrong.append(explain(error))
    if wrong:
        raise WrongSettings("; ".join(dict.fromkeys(wrong)))


def explain(error: ValueError) -> str:
    """One line that names the missing or malformed settings, never their values."""
    if not isinstance(error, ValidationError):
        return str(error)
    prefixes = {
        section.__name__: section.model_config["env_prefix"]
        for section in BaseSettings.__subclasses__()
    }
    prefix = prefixes.get(error.title, "")
    return "; ".join(
        f"{prefix}{'_'.join(str(part) for part in one['loc']).upper()}: {one['msg']}"
        for one in error.errors(include_input=False, include_url=False)
    )
