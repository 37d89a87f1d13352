"""A mute that depends on its owner: how often to say that one is there, and when that is no use. Pure."""

from micgate.client.errors import Failed, GateError, Rejected, TooFast

USUAL = 30.0
"""Seconds within which the owner promises to renew it."""
_TRIES = 3


def interval(presence: float) -> float:
    """Seconds between two renewals: two may get lost."""
    return presence / _TRIES


def is_final(error: GateError) -> bool:
    """Whether the mute is over, or no longer this key's: renewing again would be told the same."""
    return isinstance(error, Rejected) and not isinstance(error, Failed | TooFast)
