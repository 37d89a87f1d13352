"""Hides in the database what would open something: addresses of notification channels, webhooks' secrets."""

import secrets
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Cipher:
    """Its key is made from a secret outside the database, so that every replica has it and no dump does."""

    def __init__(self, secret: str | None, purpose: bytes) -> None:
        """Without a secret it is good for this process only."""
        material = secret.encode() if secret else secrets.token_bytes(32)
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(material)
        self._fernet = Fernet(urlsafe_b64encode(key))

    def encrypt(self, plain: bytes) -> bytes:
        return self._fernet.encrypt(plain)

    def decrypt(self, secret: bytes) -> bytes:
        """Raises ValueError for what was encrypted with another secret."""
        try:
            return self._fernet.decrypt(secret)
        except InvalidToken:
            raise ValueError("not encrypted with this secret") from None


class ChannelCipher(Cipher):
    """For the addresses of notification channels: whoever has one can listen."""

    def __init__(self, secret: str | None) -> None:
        super().__init__(secret, b"micgate notification channels 1")


class WebhookCipher(Cipher):
    """For the secrets that deliveries are signed with."""

    def __init__(self, secret: str) -> None:
        super().__init__(secret, b"micgate webhooks 1")
