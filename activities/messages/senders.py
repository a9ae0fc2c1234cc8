"""The ways out for messages, as far as this deployment has configured them."""

from __future__ import annotations

from activities.messages import gateway
from activities.messages.alarms import Alarms
from activities.messages.envelope import Sender
from activities.messages.mailer import Mailer
from activities.messages.outcome import Outcome
from activities.messages.settings import MessageSettings
from activities.messages.smtp import Server
from activities.outbound import Outbound
from domain.messaging.channels import Channel
from domain.messaging.sending import Result
from store.messages.claim import Attempt

_NO_MAILER = "No mail server is configured: set GUERDON_SMTP_URL and GUERDON_SMTP_FROM."
_NO_ALARMS = "No address for alarms is configured: set GUERDON_ALARM_URLS."


def open_senders(settings: MessageSettings, outbound: Outbound, *, allow_private: bool) -> Senders:
    """What is configured."""
    mailer = None
    if settings.smtp_url and settings.smtp_from:
        server = Server.parse(settings.smtp_url.get_secret_value())
        sender = Sender.parse(settings.smtp_from, settings.smtp_return_path)
        mailer = Mailer(server, sender, allow_private=allow_private)
    urls = settings.alarm_urls.get_secret_value().split() if settings.alarm_urls else []
    return Senders(outbound, mailer, Alarms(urls) if urls else None)


class Senders:
    """`mailer`, `alarms`: None where none is configured; messages then wait."""

    def __init__(self, outbound: Outbound, mailer: Mailer | None, alarms: Alarms | None) -> None:
        self._outbound, self._mailer, self._alarms = outbound, mailer, alarms

    async def send(self, attempt: Attempt) -> Outcome:
        """Send it once."""
        if attempt.channel is Channel.EMAIL:
            return await self._mailer.send(attempt) if self._mailer else _not(_NO_MAILER)
        if attempt.channel is Channel.ALARM:
            return await self._alarms.send(attempt) if self._alarms else _not(_NO_ALARMS)
        return await gateway.call(self._outbound, attempt)

    async def close(self) -> None:
        if self._mailer:
            await self._mailer.close()


def _not(words: str) -> Outcome:
    return Outcome(Result.NOT_SENT, words)
