"""Keys and checkpoints."""

import stat

import msgspec
import pytest
from books import KEY, ORG, START
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from micgate.audit import signing
from micgate.audit.checkpoint import LONGEST_SECONDS, MOST_RECORDS, is_due, is_signed, sign, trail
from micgate.audit.errors import KeyUnusable
from micgate.audit.key_file import KeyFile

HASHES = [bytes([number]) * 32 for number in range(1, 4)]


def checkpoint(**options):
    return sign(KEY, org=ORG, seq=10, hashes=HASHES, at=START, **options)


def test_a_checkpoint_holds_the_head_and_the_way_to_it():
    made = checkpoint()

    assert (made.seq, made.since, made.hash, made.key_id) == (10, 7, "03" * 32, KEY.id)
    assert trail(made) == b"".join(each[:16] for each in HASHES)
    assert is_signed(made, KEY.public)
    assert not is_signed(made, signing.new().public)


@pytest.mark.parametrize("signature", ["", "no base64!", "AAAA", "é"])
def test_a_signature_that_is_none_fits_nothing(signature):
    assert not is_signed(msgspec.structs.replace(checkpoint(), signature=signature), KEY.public)


@pytest.mark.parametrize(
    ("unsigned", "seconds", "due"),
    [
        (0, 10_000, False),
        (1, LONGEST_SECONDS - 1, False),
        (1, LONGEST_SECONDS, True),
        (MOST_RECORDS, 0, True),
    ],
)
def test_it_is_time_to_sign_after_a_minute_or_many_records(unsigned, seconds, due):
    assert is_due(unsigned=unsigned, last_at=START, now=START + seconds) is due


def test_a_new_key_is_in_a_file_of_ones_own_and_comes_back(tmp_path):
    path = tmp_path / "audit.key"
    made = signing.create(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signing.load(path).id == made.id
    with pytest.raises(FileExistsError):
        signing.create(path)


def test_a_new_key_takes_over_in_the_place_of_the_old_one(tmp_path):
    keys = KeyFile(tmp_path / "state" / "audit.key")
    first = keys.load()
    following = keys.prepare()
    assert (keys.load().id, keys.following().id, keys.prepare().id) == (first.id, following.id, following.id)
    keys.promote()

    assert (keys.load().id, keys.following()) == (following.id, None)
    assert [(each.name, each.stat().st_mode & 0o777) for each in (tmp_path / "state").iterdir()] == [
        ("audit.key", 0o600)
    ]


def test_a_key_of_the_settings_is_used_and_not_replaced_here(tmp_path):
    keys = KeyFile(tmp_path / "audit.key", given=KEY.pem().decode())

    assert keys.load().id == KEY.id
    with pytest.raises(KeyUnusable, match="MICGATE_AUDIT_KEY"):
        keys.prepare()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named_with_a_remedy(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(KeyUnusable, match="MICGATE_AUDIT_KEY_FILE"):
        KeyFile(tmp_path / "file" / "audit.key").load()


def test_a_signing_key_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "audit.key"
    signing.create(path)
    path.chmod(0o640)

    with pytest.raises(KeyUnusable, match="chmod 600"):
        signing.load(path)


def elliptic(private: bool) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    if private:
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"secret-stuff", elliptic(True), KEY.public.pem()],
    ids=["nothing", "no PEM", "another kind of key", "a public key"],
)
def test_what_is_no_signing_key_is_refused_without_quoting_it(tmp_path, content):
    path = tmp_path / "audit.key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(KeyUnusable) as refused:
        signing.load(path)
    assert "secret-stuff" not in str(refused.value)
    assert refused.value.__context__ is None


def test_several_public_keys_may_stand_in_one_file():
    other = signing.new().public
    found = signing.public_keys(KEY.public.pem() + b"\n" + other.pem(), where="keys.pem")

    assert [each.id for each in found] == [KEY.id, other.id]
    assert signing.from_raw(other.raw).id == other.id


@pytest.mark.parametrize(
    ("pem", "says"),
    [
        (b"", "no public key"),
        (KEY.pem(), "private key"),
        (elliptic(False), "no Ed25519"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "cannot be read"),
    ],
    ids=["nothing", "a private key", "another kind of key", "no key inside"],
)
def test_what_is_no_public_key_is_refused(pem, says):
    with pytest.raises(KeyUnusable, match=says):
        signing.public_keys(pem, where="keys.pem")


@pytest.mark.parametrize("raw", ["", "zz", "00", "é"])
def test_raw_bytes_that_are_no_key_are_none(raw):
    assert signing.from_raw(raw) is None


def test_no_key_shows_its_secret():
    assert repr(KEY) == f"SigningKey({KEY.id})"
    assert str(KEY.public) == f"PublicKey({KEY.id})"
