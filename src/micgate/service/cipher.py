"""Hides the addresses of notification channels in the database: whoever has one can listen."""

import secrets
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PURPOSE = b"micgate notification channels 1"


class ChannelCipher:
    """Its key comes from the OAuth client's secret, so that every replica has it and no dump does."""

    def __init__(self, secret: str | None) -> None:
        material = secret.encode() if secret else secrets.token_bytes(32)
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(material)
        self._fernet = Fernet(urlsafe_b64encode(key))

    def encrypt(self, plain: bytes) -> bytes:
        return self._fernet.encrypt(plain)

    def decrypt(self, secret: bytes) -> bytes:
        """Raises ValueError for what was encrypted with another secret."""
        try:
            return self._fernet.decrypt(secret)
        except InvalidToken:
            raise ValueError("not encrypted with this secret") from None
