"""How messages leave, from the environment."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from activities.messages.alarms import Alarms
from activities.messages.envelope import Sender
from activities.messages.smtp import Server


class MessageSettings(BaseSettings):
    """Without a mail server mails wait, and are given up after three days."""

    model_config = SettingsConfigDict(env_prefix="GUERDON_")

    smtp_url: SecretStr | None = Field(
        default=None, description="smtp://user:password@host:587 (STARTTLS), or smtps://"
    )
    smtp_from: str | None = Field(default=None, description="Acme <hello@acme.example>")
    smtp_return_path: str | None = Field(
        default=None, description="bounces@acme.example: gets a + and the message's id"
    )
    alarm_urls: SecretStr | None = Field(
        default=None, description="whom alarms reach, as Apprise writes it, separated by spaces"
    )

    @field_validator("smtp_url")
    @classmethod
    def _is_a_mail_server(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            Server.parse(url.get_secret_value())
        return url

    @field_validator("smtp_from", "smtp_return_path")
    @classmethod
    def _is_an_address(cls, text: str | None) -> str | None:
        if text is not None:
            Sender.parse(text)
        return text

    @field_validator("alarm_urls")
    @classmethod
    def _are_known(cls, urls: SecretStr | None) -> SecretStr | None:
        if urls is not None:
            Alarms(urls.get_secret_value().split())
        return urls

    @model_validator(mode="after")
    def _has_a_sender(self) -> Self:
        if self.smtp_url is not None and self.smtp_from is None:
            raise ValueError("GUERDON_SMTP_FROM says who mails are from: give it too")
        return self
