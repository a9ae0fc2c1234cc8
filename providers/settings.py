"""One section of settings per provider, from the environment."""

from __future__ import annotations

from pydantic import Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class GiftCardPartnersSettings(BaseSettings):
    """GiftCard Partners' Engage2Reward API (seed 004)."""

    model_config = SettingsConfigDict(env_prefix="GUERDON_GIFTCARD_PARTNERS_")

    url: HttpUrl = Field(description="base address, without /v1")
    email: SecretStr = Field(description="the API user")
    access_token: SecretStr = Field(description="the API user's access token")
    max_per_second: float = Field(default=50, gt=0, description="requests a second, all workers")
