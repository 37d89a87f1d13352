"""curl's own errors, by its exit code (man curl, "EXIT CODES"): the request got no answer."""

from micgate.doctor.explanation import Explanation
from micgate.doctor.paste import Paste

_HTTPS_PROXY = "Not in Admin: check HTTPS_PROXY and NO_PROXY, or ask whoever runs the network."
_CURL = {
    6: ("name", "The host's name is not known: the region is mistyped, or names are not resolved here.",
        "Not in Admin: the domain is the one in your browser's address bar when you work in Genesys Cloud."),
    5: ("proxy", "The proxy's name is not known.", _HTTPS_PROXY),
    7: ("refused", "Nothing listens there, or a firewall refuses the way.", _HTTPS_PROXY),
    28: ("timed_out", "No answer came in time: the way there is blocked, or the host is busy.", _HTTPS_PROXY),
    35: ("tls", "The TLS handshake failed: often a proxy that inspects TLS.", _HTTPS_PROXY),
    51: ("tls", "The certificate is for another host: a proxy or a wrong host answers.", _HTTPS_PROXY),
    52: ("cut", "The connection was closed without an answer.", _HTTPS_PROXY),
    56: ("cut", "The connection was cut, or the proxy refused to let it through.", _HTTPS_PROXY),
    60: ("tls", "This machine does not know who signed the certificate: a proxy that inspects TLS.",
         "Not in Admin: put the proxy's CA certificate in a PEM file and name it in SSL_CERT_FILE."),
}  # fmt: skip


def of_curl(paste: Paste) -> Explanation:
    kind, what, where = _CURL.get(
        paste.curl or 0, ("unreachable", f"curl could not get an answer ({paste.text[:120]}).", _HTTPS_PROXY)
    )
    return Explanation(word="unreachable", what=what, where=where, facts={"cause": kind})
