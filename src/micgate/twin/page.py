"""The page of the control surface."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

from micgate.twin.exchange import HTML, Answer


def show() -> Answer:
    body, policy = _page()
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "X-Frame-Options": "DENY"}
    return Answer(body=body, media=HTML, headers=headers)


@cache
def _page() -> tuple[bytes, str]:
    """The page and its policy: only its own script and style run, and it talks to nobody else."""
    text = files("micgate.twin").joinpath("page.html").read_text("utf-8")
    hashes = {tag: _hash(text, tag) for tag in ("script", "style")}
    policy = (
        f"default-src 'none'; script-src {hashes['script']}; style-src {hashes['style']}; connect-src 'self';"
        " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return text.encode(), policy


def _hash(text: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    inner = "" if found is None else found[1]
    return f"'sha256-{base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()}'"
