"""The file `.env` of the working directory."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from micgate.settings.catalogue import SETTINGS
from micgate.settings.errors import SettingError
from micgate.settings.files import reason


class Dotenv(msgspec.Struct, frozen=True):
    path: Path
    values: dict[str, str]
    readable_by_others: bool

    @classmethod
    def read(cls, path: Path) -> "Dotenv":
        try:
            mode, text = path.stat().st_mode, path.read_text(encoding="utf-8-sig")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return cls(path, {}, readable_by_others=False)
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{path} cannot be read.", remedy=reason(error)) from None
        return cls(
            path, dict(_assignments(text)), readable_by_others=bool(mode & (stat.S_IRGRP | stat.S_IROTH))
        )

    def warnings(self) -> tuple[str, ...]:
        secrets = {name for setting in SETTINGS if setting.secret for name in setting.names}
        if not self.readable_by_others or secrets.isdisjoint(self.values):
            return ()
        return (f"{self.path} holds a secret and others can read it. Run: chmod 600 {self.path}",)


_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_QUOTED = re.compile(r"""(["'])(.*?)\1\s*(?:#.*)?""")


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if assignment := _ASSIGNMENT.fullmatch(line):
            name, value = assignment.groups()
            quoted = _QUOTED.fullmatch(value)
            yield name, quoted[2] if quoted else re.sub(r"(^|\s)#.*", "", value)
