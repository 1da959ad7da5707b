"""Tables of text: grids where they fit, and a block per row where they do not."""

import pytest

from dnnbench.cli import printing
from dnnbench.cli.text_table import Table


def made() -> Table:
    columns = ("network", "latency\nms per image", "note")
    table = printing.table(*columns, right=columns[1:2], whole=columns[1:2])
    table.add_row("ResNet-50", "12,345.6 (1 to 2)", "measured in five processes")
    table.add_row("DPN-68", "7.8", "")
    return table


def lines(table: Table, width: int) -> list[str]:
    return [line.plain for line in table.lines(width)]


def test_a_wide_terminal_has_a_grid_without_trailing_spaces() -> None:
    assert lines(made(), 80) == [
        "                     latency",
        "network         ms per image  note",
        "────────────────────────────────────────────────────────",
        "ResNet-50  12,345.6 (1 to 2)  measured in five processes",
        "DPN-68                   7.8",
    ]


def test_sentences_wrap_between_words_before_rows_become_blocks() -> None:
    assert lines(made(), 50)[2:] == [
        "──────────────────────────────────────────────────",
        "ResNet-50  12,345.6 (1 to 2)  measured in five",
        "                              processes",
        "DPN-68                   7.8",
    ]


def test_a_narrow_terminal_has_a_block_per_row() -> None:
    assert lines(made(), 40) == [
        "ResNet-50",
        "  latency, ms per image: 12,345.6 (1 to",
        "      2)",
        "  note: measured in five processes",
        "DPN-68",
        "  latency, ms per image: 7.8",
    ]


def test_a_character_of_two_columns_keeps_the_grid_aligned() -> None:
    table = printing.table("network", "batch")
    table.add_row("網路", "1")
    table.add_row("DPN-68", "2")
    assert lines(table, 40)[2:] == ["網路     1", "DPN-68   2"]


def test_a_word_wider_than_the_terminal_is_not_cut() -> None:
    assert "12,345.6" in " ".join(lines(made(), 5)).split()


@pytest.mark.parametrize("titles", [0, 2])
def test_the_titles_of_a_row_begin_its_block(titles: int) -> None:
    table = printing.table("rank", "network", "fits", titles=titles)
    table.add_row("1", "DPN-68", "yes")
    table.add_row("", "  vs. next", "no")
    blocks = {
        0: ["rank: 1", "  network: DPN-68", "  fits: yes", "network:   vs. next", "  fits: no"],
        2: ["1  DPN-68", "  fits: yes", "    vs. next", "      fits: no"],
    }
    assert lines(table, 20) == blocks[titles]


def test_a_long_word_in_a_hanging_column_has_its_own_line() -> None:
    table = printing.table("key", "top-1", right=("top-1",), whole=("top-1",), hanging=True)
    table.add_row("a-key-of-more-than-sixteen-letters", "70.1")
    table.add_row("short", "1.2")
    assert lines(table, 26)[2:] == [
        "a-key-of-more-than-sixteen-letters",
        "                      70.1",
        "short                  1.2",
    ]
    assert lines(table, 60)[2] == "a-key-of-more-than-sixteen-letters   70.1"
