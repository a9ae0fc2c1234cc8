"""A worker's settings, from the environment."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, HttpUrl
from pydantic_settings import BaseSettings, SettingsConfigDict

from activities.lane import Timing
from activities.outbound import Outbound
from store.orders.delivery import Pace


class WorkerSettings(BaseSettings):
    """A worker's time limits, and how it runs workflows."""

    model_config = SettingsConfigDict(env_prefix="GUERDON_")

    public_url: HttpUrl = Field(description="where providers reach /hooks")
    max_delay_seconds: float = Field(
        default=21_600, gt=0, description="no retry or poll waits longer; 10 on the embedded stack"
    )
    exchange_seconds: float = Field(
        default=20, gt=0, le=40, description="for one exchange with a provider"
    )
    sandbox: bool = Field(
        default=True, description="run workflows in the sandbox; off saves a third of their CPU"
    )
    allow_private_targets: bool = Field(
        default=False, description="callouts may reach private addresses: dev and tests only"
    )
    build_id: str | None = Field(
        default=None, description="this deployment's version; unset: an unversioned worker"
    )

    @property
    def longest_delay(self) -> timedelta:
        return timedelta(seconds=self.max_delay_seconds)

    @property
    def timing(self) -> Timing:
        """Attempt < claim < the activity's 60 s, whatever GUERDON_EXCHANGE_SECONDS is."""
        exchange = min(self.exchange_seconds, self.max_delay_seconds * 0.4)
        return Timing(
            attempt=timedelta(seconds=exchange * 1.2),
            claim=timedelta(seconds=exchange * 1.4),
            longest_delay=min(self.longest_delay, timedelta(minutes=5)),
            resume=min(self.longest_delay, timedelta(minutes=10)),
            # Below the first heartbeat, which would be billed.
            follow=min(self.longest_delay / 10, timedelta(seconds=2.5)),
        )

    @property
    def pace(self) -> Pace:
        return Pace(
            first=min(self.longest_delay / 2, timedelta(seconds=30)),
            longest=self.longest_delay,
            overdue=timedelta(days=7),
        )

    @property
    def redrive_every(self) -> timedelta:
        return min(self.longest_delay / 2, timedelta(seconds=30))

    @property
    def watch_every(self) -> timedelta:
        return min(self.longest_delay * 6, timedelta(minutes=10))

    @property
    def distribute_every(self) -> timedelta:
        return min(self.longest_delay / 10, timedelta(seconds=2))

    @property
    def outbound(self) -> Outbound:
        """For calls to addresses that users configure."""
        return Outbound(allow_private=self.allow_private_targets, within=self.timing.attempt)

    @property
    def hooks(self) -> str:
        return str(self.public_url).rstrip("/")
