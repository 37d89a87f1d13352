"""The places that settings come from, first the one that wins: command line, environment, `.env`, TOML."""

import os
import stat
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import msgspec

from micgate.settings.catalogue import SETTINGS
from micgate.settings.errors import SettingError
from micgate.settings.files import near, reason, secret_in
from micgate.settings.setting import Setting, Spelling

COMMAND_LINE = "the command line"
ENVIRONMENT = "the environment"


OURS = "MICGATE_"
_NEAR = 0.75
_VARIABLES = frozenset(
    name
    for one in SETTINGS
    for variable in one.names
    for name in ((variable, Spelling.VARIABLE.of_file(variable)) if one.secret else (variable,))
)
_ENDINGS = sorted(name.removeprefix(OURS) for name in _VARIABLES if name.startswith(OURS))


class Found(msgspec.Struct, frozen=True):
    """`text` may be a secret's. `name` is how the setting is called in that place."""

    text: str
    name: str
    place: str
    is_file: bool = False

    @property
    def source(self) -> str:
        return f"{self.name} in {self.place}" if self.place != COMMAND_LINE else self.name


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Texts by name. `file`: where they were read, whose folder its own secret files are named from.

    `brought_along`: it may have come with a cloned repository, so it names files of its own folder only.
    """

    name: str
    spelling: Spelling
    texts: Mapping[str, str]
    file: Path | None = None
    brought_along: bool = False

    def find(self, setting: Setting) -> Found | None:
        if self.brought_along and not setting.dotenv:
            return None
        for name in self.spelling.names(setting):
            if found := self._find(setting, name):
                return found
        return None

    def warnings(self) -> tuple[str, ...]:
        return (*self._readable(), *self._misspelt())

    def _readable(self) -> tuple[str, ...]:
        secrets = {name for one in SETTINGS if one.secret for name in self.spelling.names(one)}
        if self.file is None or secrets.isdisjoint(self.texts) or not _read_by_others(self.file):
            return ()
        return (f"{self.file} holds a secret and others can read it. Run: chmod 600 {self.file}",)

    def _misspelt(self) -> tuple[str, ...]:
        """Variables that are nearly ours. Others may be anybody's: they are not refused."""
        if self.spelling is not Spelling.VARIABLE:
            return ()
        return tuple(
            f"{name} in {self.name} is no setting. Did you mean {OURS}{near[0]}?"
            for name in sorted(self.texts)
            if name.startswith(OURS)
            and name not in _VARIABLES
            and (near := get_close_matches(name.removeprefix(OURS), _ENDINGS, n=1, cutoff=_NEAR))
        )

    def _find(self, setting: Setting, name: str) -> Found | None:
        text, in_file = self.texts.get(name, "").strip(), self.spelling.of_file(name)
        file = self.texts.get(in_file, "").strip() if setting.secret else ""
        if text and file:
            raise SettingError(
                f"{name} and {in_file} are both set in {self.name}.", remedy="Unset one of them."
            )
        if text:
            return Found(text, name, self.name, is_file=self.file is not None)
        if file:
            return Found(
                secret_in(in_file, self._path(in_file, file)), in_file, self.name, self.file is not None
            )
        return None

    def _path(self, name: str, file: str) -> Path:
        if self.file is None:
            return Path(file).expanduser()
        path = self.file.parent / Path(file).expanduser()
        return near(name, path, self.file.parent) if self.brought_along else path


def command_line(given: Mapping[str, str]) -> Place:
    """`given`: texts by the names of options."""
    return Place(name=COMMAND_LINE, spelling=Spelling.OPTION, texts=given)


def environment(environ: Mapping[str, str] | None) -> Place:
    """`None`: this process's own."""
    texts = os.environ if environ is None else environ
    return Place(name=ENVIRONMENT, spelling=Spelling.VARIABLE, texts=texts)


def text_of(path: Path) -> str:
    """Raises `SettingError`, and `FileNotFoundError` when there is none."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise FileNotFoundError(path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} cannot be read.", remedy=reason(error)) from None


def _read_by_others(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
