"""Names of what is made here, in the form that PostgreSQL wants."""

from zlib import crc32

ORG = "org"
MUTES = 0
COMMANDS = 1
"""And so on, for each process."""


def named(org: str, kind: int, number: int) -> str:
    """A UUID that nothing else in any org has."""
    return f"{crc32(org.encode()):08x}-{kind:04x}-7000-8000-{number:012x}"
