"""A table on a terminal. What does not fit into its line stands under it, by name: no id is broken up."""

import textwrap
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

Row = Sequence[str]

_EDGE = _GAP = "  "
_UNDER = " " * 6
_GLUE = "\N{NO-BREAK SPACE}"
_USUAL = 40
"""A longer cell does not widen its column: it pushes what is to the right of it under its own row."""


def laid_out(columns: Row, rows: Sequence[Row], *, width: int, rule: str) -> Iterator[str]:
    """The head, a rule, the rows. Every cell is one line without control characters."""
    widths = [max(map(cell_len, _usual(column))) for column in zip(columns, *rows, strict=True)]
    counts = [_beside(row, widths, width) for row in rows]
    shown = max(counts, default=len(columns))
    head = _joined(columns[:shown], widths)
    yield head
    yield _EDGE + rule * (min(width, max(cell_len(head), *_lengths(rows, counts, widths))) - len(_EDGE))
    for row, count in zip(rows, counts, strict=True):
        yield _joined(row[:count], widths)
        yield from _under(columns[count:], row[count:], width)


def _usual(column: Row) -> list[str]:
    return [column[0], *(cell for cell in column[1:] if cell_len(cell) <= _USUAL)]


def _beside(row: Row, widths: Sequence[int], width: int) -> int:
    """How many cells of the row stand in its line; the first one always does."""
    begins = len(_EDGE)
    for count, (cell, wide) in enumerate(zip(row, widths, strict=True)):
        if count and begins + cell_len(cell) > width:
            return count
        if cell_len(cell) > wide:
            return count + 1
        begins += wide + len(_GAP)
    return len(row)


def _joined(cells: Row, widths: Sequence[int]) -> str:
    padded = (cell + " " * (wide - cell_len(cell)) for cell, wide in zip(cells, widths, strict=False))
    return (_EDGE + _GAP.join(padded)).rstrip()


def _lengths(rows: Sequence[Row], counts: Sequence[int], widths: Sequence[int]) -> Iterator[int]:
    yield 0
    yield from (cell_len(_joined(row[:count], widths)) for row, count in zip(rows, counts, strict=True))


def _under(names: Row, cells: Row, width: int) -> list[str]:
    named = _GAP.join(f"{name}{_GLUE}{cell}" for name, cell in zip(names, cells, strict=True) if cell)
    lines = textwrap.wrap(
        named,
        max(width, len(_UNDER) + 1),
        initial_indent=_UNDER,
        subsequent_indent=_UNDER,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in lines]
