"""Tables of text, which adapt to the width of a terminal without cutting a word or a number.

A table that is too wide first wraps names and sentences between words. If it is still too wide,
each of its rows is printed as a block of lines, one per column.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Importing rich would slow down shell completion.
    from rich.text import Text

_GAP = "  "
# Characters: the least width of a column that wraps.
_NARROWEST = 16


@dataclass(frozen=True)
class Column:
    """A column; ``whole`` cells never wrap."""

    heading: str
    right: bool = False
    whole: bool = False

    def narrowest(self, cells: Sequence[str]) -> int:
        """Return the least width at which no word is cut."""
        widest = _width(cells)
        words = [word for cell in cells for word in cell.split()]
        return widest if self.whole else max(_width(words), min(widest, _NARROWEST))


@dataclass
class Table:
    """Rows of cells below a header.

    The first ``titles`` columns begin the block of a row. If ``hanging``, a long word in the first
    column has a separate line, above the rest of its row.
    """

    columns: Sequence[Column]
    titles: int = 1
    hanging: bool = False
    rows: list[list[Text]] = field(default_factory=list)

    def add_row(self, *cells: str | Text, style: str = "") -> None:
        """Add a row; ``style`` applies to cells that are strings."""
        from rich.text import Text

        assert len(cells) == len(self.columns)
        self.rows.append([Text(cell, style) if isinstance(cell, str) else cell for cell in cells])

    def lines(self, width: int) -> Iterator[Text]:
        """Yield the lines of the table, none of them wider than ``width`` if words allow it."""
        widths = self._widths(width - len(_GAP) * (len(self.columns) - 1))
        return self._grid(widths) if widths else self._blocks(width)

    def _widths(self, available: int) -> list[int] | None:
        """Return widths of columns that need at most ``available`` characters, if possible."""
        widths, narrowest = [], []
        for at, column in enumerate(self.columns):
            cells = [column.heading, *(row[at].plain for row in self.rows)]
            widths.append(_width(cells))
            narrowest.append(column.narrowest(cells))
        if self.hanging:
            narrowest[0] = min(widths[0], _NARROWEST)
        while (excess := sum(widths) - available) > 0:
            room, at = max((width - narrowest[at], at) for at, width in enumerate(widths))
            if not room:
                return None
            widths[at] -= min(room, excess)
        return widths

    def _grid(self, widths: Sequence[int]) -> Iterator[Text]:
        from rich.text import Text

        headings = [Text(column.heading, "bold") for column in self.columns]
        yield from self._row(headings, widths, bottom=True)
        yield Text("─" * (sum(widths) + len(_GAP) * (len(widths) - 1)))
        for row in self.rows:
            yield from self._row(row, widths)

    def _row(
        self, cells: Sequence[Text], widths: Sequence[int], bottom: bool = False
    ) -> Iterator[Text]:
        """Yield the lines of a row, whose cells are aligned at the top or at the ``bottom``."""
        from rich.text import Text

        wrapped = [_wrapped(cell.plain, width) for cell, width in zip(cells, widths, strict=True)]
        if _width(wrapped[0]) > widths[0]:
            yield from (Text(line, cells[0].style) for line in wrapped[0])
            wrapped[0] = []
        height = max(map(len, wrapped))
        for at in range(height):
            line = Text()
            for column, cell, lines, width in zip(
                self.columns, cells, wrapped, widths, strict=True
            ):
                place = at - (height - len(lines)) if bottom else at
                text = lines[place] if 0 <= place < len(lines) else ""
                fill = " " * (width - _width([text]))
                line.append(fill + text if column.right else text + fill, cell.style)
                line.append(_GAP)
            line.rstrip()
            yield line

    def _blocks(self, width: int) -> Iterator[Text]:
        """Yield each row as its titles and one line per further cell that is not empty."""
        from rich.text import Text

        indent = ""
        for row in self.rows:
            title = _GAP.join(cell.plain for cell in row[: self.titles]).rstrip()
            if title:
                yield Text(title, row[0].style)
                indent = " " * (len(title) - len(title.lstrip()) + len(_GAP))
            inner = indent if self.titles else ""
            for column, cell in list(zip(self.columns, row, strict=True))[self.titles :]:
                if cell.plain:
                    text = f"{_named(column.heading)}: {cell.plain}"
                    for line in wrap(text, width, inner, f"{inner}    "):
                        yield Text(line, cell.style)
                    inner = inner or _GAP


def wrap(text: str, width: int, first: str = "", further: str = "") -> list[str]:
    """Return text in lines, wrapped between words, indented by ``first``, then by ``further``."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _width(texts: Sequence[str]) -> int:
    """Return the width of the widest line."""
    from rich.cells import cell_len

    return max((cell_len(line) for text in texts for line in text.splitlines()), default=0)


def _wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a cell, wrapped where they are wider than the column."""
    lines = text.splitlines()
    if _width(lines) <= width:
        return lines
    return [part for line in lines for part in wrap(line, width)]


def _named(heading: str) -> str:
    """Return a heading on one line: ``latency, ms per image``. Its last line is the unit."""
    *words, unit = heading.splitlines() or [""]
    return f"{' '.join(words)}, {unit}" if words else unit
