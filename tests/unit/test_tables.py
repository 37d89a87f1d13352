from rich.cells import cell_len

from micgate.cli.tables import laid_out

MUTE = "01a1ff34-90a6-7cb8-8df6-68c8a1673ab8"
CALL = "57cd8972-7c41-4844-99a4-078130c560a7"
COLUMNS = ("id", "agent", "left", "owner", "call")


def lines(*rows, columns=COLUMNS, width=80):
    return list(laid_out(columns, rows, width=width, rule="-"))


def test_what_fits_stands_side_by_side():
    head, rule, row = lines((MUTE, "Cleo Marsh", "44s", "rule", CALL), width=120)
    assert head.split() == list(COLUMNS)
    assert len(rule) == len(row)
    assert row.split() == [MUTE, "Cleo", "Marsh", "44s", "rule", CALL]


def test_on_a_narrow_terminal_the_rest_stands_underneath_by_name_and_ids_are_whole():
    head, _, row, *under = lines((MUTE, "Cleo Marsh", "44s", "demo (key 86e445498d)", CALL), width=70)
    assert head.split() == ["id", "agent", "left"]
    assert row == f"  {MUTE}  Cleo Marsh  44s"
    assert under == ["      owner demo (key 86e445498d)", f"      call {CALL}"]


def test_a_long_cell_pushes_only_its_own_row():
    short, long = ("port", "8700", "default"), ("reasons", "supervisor," * 6, "default")
    _, _, first, second, under = lines(short, long, columns=("setting", "value", "from"))
    assert first.split() == list(short)
    assert second.split() == list(long[:2])
    assert under.strip() == "from default"


def test_facts_are_broken_between_words_and_never_longer_than_the_line():
    facts = ", ".join(f"fact{number}=value" for number in range(12))
    _, _, _, *under = lines(("1", facts), columns=("number", "facts"), width=60)
    assert " ".join(each.strip() for each in under) == f"facts {facts}"
    assert all(len(each) <= 60 for each in under)


def test_wide_characters_keep_the_columns_straight():
    _, _, first, second = lines(("山田", "open"), ("Ada", "open"), columns=("agent", "microphone"))
    assert cell_len(first) == cell_len(second)


def test_nothing_underneath_is_named_that_is_empty():
    assert lines((MUTE, "Cleo Marsh", "44s", "", ""))[2:] == [f"  {MUTE}  Cleo Marsh  44s"]
