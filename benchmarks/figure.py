"""What was measured, beside what was asked for: as text, as JSON, as a table."""

import math
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report. `limit` is what the design asks for; None where there is only a comparison."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False

    @property
    def holds(self) -> bool:
        if self.limit is None:
            return True
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def measured(self) -> str:
        """A miss shows, however narrow."""
        text = spoken(self.value)
        hidden = not self.holds and math.isfinite(self.value) and float(text.replace(",", "")) == self.limit
        return f"{self.value:,.6g}" if hidden else text

    @property
    def asked(self) -> str:
        return "" if self.limit is None else f"{'≥' if self.at_least else '≤'} {spoken(self.limit)}"

    @property
    def verdict(self) -> str:
        if self.limit is None:
            return ""
        return "met" if self.holds else "missed"

    def __str__(self) -> str:
        bound = "" if self.limit is None else f"   ({self.asked}{'' if self.holds else ', MISSED'})"
        return f"  {self.name:<64}{self.measured:>10} {self.unit}{bound}"

    def plain(self) -> dict[str, object]:
        return asdict(self) | {"holds": self.holds}


def spoken(value: float) -> str:
    """Three digits that count, and no more."""
    if not math.isfinite(value):
        return "never"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def table(figures: list[Figure]) -> str:
    rows = [f"| {one.name} | {one.measured} {one.unit} | {one.asked} | {one.verdict} |" for one in figures]
    return "\n".join(["| what | measured | asked for | |", "| --- | ---: | ---: | --- |", *rows])
