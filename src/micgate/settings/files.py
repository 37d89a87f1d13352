"""Files that hold a secret each."""

from pathlib import Path

from micgate.settings.errors import SettingError, UnsafeSettingError


def near(variable: str, path: Path, folder: Path) -> Path:
    """A `.env` that came with a cloned repository must not have any file of this user sent anywhere."""
    if path.resolve().is_relative_to(folder.resolve()):
        return path
    raise UnsafeSettingError(
        f"{variable} in .env names a file outside the folder of that .env.",
        remedy="Set it in the environment, or keep the file beside the .env.",
    )


def secret_in(variable: str, path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(
            f"{variable} names {path}, which cannot be read: {reason(error)}",
            remedy="Correct the path, or let this account read the file.",
        ) from None
    if not text:
        raise SettingError(
            f"{variable} names {path}, which is empty.", remedy="Put the secret in it, or unset it."
        )
    return text


def reason(error: OSError | UnicodeDecodeError) -> str:
    return f"{error.strerror}." if isinstance(error, OSError) else "It is not UTF-8 text."
