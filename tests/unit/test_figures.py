"""What `make bench` writes down."""

import pytest
from benchmarks.figure import Figure, spoken, table


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (Figure("p99", 50.0, "ms", 50.0), "met"),
        (Figure("p99", 50.1, "ms", 50.0), "missed"),
        (Figure("rate", 290.0, "", 290.0, at_least=True), "met"),
        (Figure("rate", 289.9, "", 290.0, at_least=True), "missed"),
        (Figure("memory", 1e9, "MB"), ""),
        (Figure("broken", float("inf"), "", 0.0), "missed"),
    ],
)
def test_a_figure_is_held_against_what_was_asked_for(figure, verdict):
    assert figure.verdict == verdict
    assert f"| {verdict} |" in table([figure])


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.345, "2.35"), (23.45, "23.4"), (1234.5, "1,234"), (7, "7"), (0.0, "0"), (float("inf"), "never")],
)
def test_figures_have_three_digits_that_count(value, text):
    assert spoken(value) == text


def test_a_miss_shows_however_narrow():
    assert "| 1.0001  | ≤ 1 | missed |" in table([Figure("requests", 1.0001, "", 1.0)])
    assert "1.0001" in str(Figure("requests", 1.0001, "", 1.0))
