"""What the API needs to be told, from the environment."""

from __future__ import annotations

from pydantic import AnyHttpUrl, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.money import Currency


class ApiSettings(BaseSettings):
    """Besides StoreSettings and Temporal's own TEMPORAL_* variables."""

    model_config = SettingsConfigDict(env_prefix="GUERDON_")

    public_url: AnyHttpUrl = Field(description="where callers and providers reach this API")
    currency: Currency = Field(default="USD", description="of bodies that name none")
