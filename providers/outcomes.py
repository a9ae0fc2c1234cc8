"""What can come of asking a provider for an order: a closed set, split by whether money moved.

    ProviderError
    ├── NotSent                nothing left this process, or it was refused unread
    ├── RateLimited            not processed; same key after `retry_after`
    ├── InsufficientFunds      definite no; same key once the deposit is funded
    ├── ProviderMisconfigured  definite no; our credentials or address are wrong
    ├── OrderRejected          definite no, for good; something must change first
    ├── KeyInProgress          an earlier request under this key is still running; wait
    ├── KeyConflict            the key is known with other contents; a person compares
    ├── KeyAlreadyUsed         the order exists: the success path of a lost answer
    └── OutcomeUnknown         money may have moved; ask again under the same key
        └── FailedAnswer       a 5xx: all that a key says for ever, where first answers are kept

An adapter raises nothing else from `place_order`. Messages carry the provider's words, never a
recipient's."""

from __future__ import annotations

from datetime import timedelta


class ProviderError(Exception):
    """Base of the closed set."""

    def __init__(self, detail: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class NotSent(ProviderError):
    """No connection, or a request refused before it was processed. Also every failed read."""


class RateLimited(ProviderError):
    """Too many requests; this one was not processed."""


class InsufficientFunds(ProviderError):
    """The deposit does not cover the order."""


class ProviderMisconfigured(ProviderError):
    """Credentials or access are wrong: every order of this provider would fail."""


class OrderRejected(ProviderError):
    """The provider refuses this order, whatever else happens."""


class KeyInProgress(ProviderError):
    """An earlier request under the same key has not finished."""


class KeyConflict(ProviderError):
    """The same key stands for another amount, product or recipient."""


class KeyAlreadyUsed(ProviderError):
    """The key was used by an earlier request of ours. `provider_order_id`: its order, if the
    provider names it."""

    def __init__(self, detail: str, provider_order_id: str | None) -> None:
        super().__init__(detail)
        self.provider_order_id = provider_order_id


class OutcomeUnknown(ProviderError):
    """Time-out, lost connection, 5xx, or an answer that cannot be read."""


class FailedAnswer(OutcomeUnknown):
    """A 5xx that the provider itself answered, without saying anything about the order."""
