"""How a message reaches somebody."""

from __future__ import annotations

from enum import StrEnum


class Channel(StrEnum):
    """The word of a template and of a distribution."""

    EMAIL = "email"
    """By SMTP."""
    SMS = "sms"
    """A signed HTTP call to whoever sends texts, with the phone number and the text."""
    HTTP = "http"
    """A signed HTTP call with a body of the template's own."""
    ALARM = "alarm"
    """To the staff, at the addresses of the deployment's settings. No customer receives it."""

    @property
    def repeats_safely(self) -> bool:
        """Whether the receiver drops a second call: HTTP calls carry the same id each time."""
        return self in (Channel.SMS, Channel.HTTP)

    @property
    def words(self) -> str:
        """For people: `by e-mail`."""
        return _WORDS[self]


_WORDS = {
    Channel.EMAIL: "by e-mail",
    Channel.SMS: "by text message",
    Channel.HTTP: "by HTTP call",
    Channel.ALARM: "to the staff",
}
