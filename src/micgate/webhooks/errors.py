"""What is refused about webhooks.

WebhookError
├── BadName          it cannot be named so
├── NameTaken        another webhook is called that
├── UnknownWebhook   none is called that
├── UnknownEvent     no record will ever have that action
├── NothingThere     there is no such delivery to make again
└── NoKey            there is nothing to encrypt a secret with
"""

from typing import ClassVar


class WebhookError(Exception):
    """The root: what is refused and what to do instead. `word` is stable and meant for programs."""

    word: ClassVar[str] = "webhook_error"

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy


class BadName(WebhookError):
    word = "bad_name"


class NameTaken(WebhookError):
    word = "name_taken"


class UnknownWebhook(WebhookError):
    word = "unknown_webhook"


class UnknownEvent(WebhookError):
    word = "unknown_event"


class NothingThere(WebhookError):
    word = "no_such_delivery"


class NoKey(WebhookError):
    word = "no_encryption_key"
