"""The API's settings, from the environment."""

from __future__ import annotations

from datetime import timedelta

from pydantic import AnyHttpUrl, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.money import Currency
from store.marks.changes import KEPT_FOR


class ApiSettings(BaseSettings):
    """Besides StoreSettings and Temporal's own TEMPORAL_* variables."""

    model_config = SettingsConfigDict(env_prefix="GUERDON_")

    public_url: AnyHttpUrl = Field(description="where callers and providers reach this API")
    marks_outlive_erasure: timedelta = Field(
        default=KEPT_FOR,
        ge=timedelta(0),
        le=timedelta(days=3650),
        description="ISO 8601: how long an erased customer is recognised, by keyed hashes",
    )
    metrics_token: SecretStr | None = Field(
        default=None, description="the bearer token that opens /metrics"
    )
    currency: Currency = Field(default="USD", description="of bodies that name none")
