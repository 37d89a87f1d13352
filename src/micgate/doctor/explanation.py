"""What `micgate explain` answers."""

from typing import Any

import msgspec


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """`understood` False: it is nothing that Genesys Cloud, or something before it, is known to send."""

    word: str
    what: str
    where: str
    understood: bool = True
    facts: dict[str, Any] = {}  # the vendor's, as `GenesysError.facts` has them


FINE = Explanation(
    word="no_error",
    what="That is no error: the request was accepted. A 202 does not say that the microphone has moved yet.",
    where="Nothing to change: read the call (micgate why AGENT) to see whether it took effect.",
)
