"""Keys that sign checkpoints: Ed25519. The private one stays on the machine, auditors get the public one."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from micgate.audit.errors import KeyUnusable


class PublicKey:
    """`id` is the beginning of the SHA-256 of its 32 bytes. `raw` is those bytes in hexadecimal."""

    __slots__ = ("_key", "id", "raw")

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.raw = key.public_bytes_raw().hex()
        self.id = sha256(key.public_bytes_raw()).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"PublicKey({self.id})"

    def signed(self, message: bytes, signature: bytes) -> bool:
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def pem(self) -> bytes:
        return self._key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


class SigningKey:
    """Made with `new`, kept with `create`, read with `load`."""

    __slots__ = ("_key", "public")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    @property
    def id(self) -> str:
        return self.public.id

    def __repr__(self) -> str:
        return f"SigningKey({self.id})"

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)

    def pem(self) -> bytes:
        """The secret itself."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def new() -> SigningKey:
    return SigningKey(Ed25519PrivateKey.generate())


def load(path: Path) -> SigningKey:
    """The signing key of a file. Refuses one that others may read."""
    if path.stat().st_mode & 0o077:
        raise KeyUnusable(f"Others may read the signing key {path}.", remedy=f"Run: chmod 600 {path}")
    return read(path.read_bytes(), where=str(path))


def read(pem: bytes, *, where: str) -> SigningKey:
    """The signing key of a PEM text. `where` names its place in errors."""
    key = _parsed(pem, lambda data: serialization.load_pem_private_key(data, None), where)
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"The key in {where} is no Ed25519 key.", remedy=_HOW)
    return SigningKey(key)


def create(path: Path) -> SigningKey:
    """A new key in a new file, 0600, whole and on the disk when this returns. Raises FileExistsError."""
    key = new()
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    try:
        _write(beside, key.pem())
        os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return key


def public_keys(pem: bytes, *, where: str) -> tuple[PublicKey, ...]:
    """The public keys of a PEM file, one or several. `where` names the file in errors."""
    if b"PRIVATE KEY-----" in pem:
        raise KeyUnusable(f"{where} holds a private key.", remedy="Verification needs the public key only.")
    blocks = [_BEGIN + block for block in pem.split(_BEGIN)[1:]]
    if not blocks:
        raise KeyUnusable(f"{where} holds no public key.", remedy=_HOW)
    return tuple(_public(block, where) for block in blocks)


def from_raw(raw: str) -> PublicKey | None:
    """The key whose 32 bytes these are, in hexadecimal; None when they are none."""
    try:
        return PublicKey(Ed25519PublicKey.from_public_bytes(bytes.fromhex(raw)))
    except ValueError:
        return None


def _public(block: bytes, where: str) -> PublicKey:
    key = _parsed(block, serialization.load_pem_public_key, where)
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable(f"A key in {where} is no Ed25519 key.", remedy=_HOW)
    return PublicKey(key)


def _parsed(data: bytes, parse: Callable[[bytes], object], where: str) -> object:
    try:
        return parse(data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        failure = KeyUnusable(f"The key in {where} cannot be read.", remedy=_HOW)
    raise failure  # outside the handler: the library's message might quote the key


_BEGIN = b"-----BEGIN PUBLIC KEY-----"
_HOW = "It has to be an Ed25519 key in PEM form, without a password."


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
