"""Why a setting cannot be used."""

from typing import Any, ClassVar


class SettingError(Exception):
    """A setting cannot be used. `str()` is the whole text and never holds the value of a secret."""

    word: ClassVar[str] = "setting_error"

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy

    def facts(self) -> dict[str, Any]:
        return {}


class UnsafeSettingError(SettingError):
    """Settings that together would send a secret where it must not go."""

    word = "unsafe_configuration"
