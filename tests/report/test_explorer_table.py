"""The explorer's tables: no number is cut, and no name breaks inside a word."""

import pytest
from helpers.explorer_page import Page

pytestmark = pytest.mark.slow

# Cells whose content is cut, cells that are not inside their table's box, and words on two lines.
FAULTS = """
const tables = [...document.querySelectorAll('.rows .scroll')].map((box) => {
    const edge = box.getBoundingClientRect();
    const cells = [...box.querySelectorAll('th, td')];
    const words = [...box.querySelectorAll('.name')].flatMap(({firstChild: text}) =>
        [...text.data.matchAll(/[^\\s-]+/g)].map((word) => {
            const range = document.createRange();
            range.setStart(text, word.index);
            range.setEnd(text, word.index + word[0].length);
            return range;
        }));
    return {
        cells: cells.length,
        cut: cells.filter((one) => one.scrollWidth > one.clientWidth),
        outside: cells.map((one) => one.getBoundingClientRect()).filter(
            (one) => one.left < edge.left - 1 || one.right > edge.right + 1),
        broken: words.filter((word) => word.getClientRects().length > 1),
    };
});
return tables.map(({cells, cut, outside, broken}) =>
    [cells, cut.map((one) => one.textContent), outside.length, broken.map(String)]);
"""


@pytest.mark.parametrize("width", [1280, 1024])
def test_the_tables_of_two_devices_show_whole_numbers(opened: Page, width: int) -> None:
    opened.open("limits=none&beside=titanxp-2018", width=width)
    opened.run("set('search', 'net', 'input')")
    opened.window.settle()
    tables = opened.run(FAULTS)
    assert len(tables) == 2
    for cells, cut, outside, broken in tables:
        assert cells > 100
        assert (cut, outside, broken) == ([], 0, [])
    titles = opened.run(
        "return [...document.querySelectorAll('.rows h4')].map((one) => one.innerText)"
    )
    assert titles == ["Networks on cpu", "Networks on Titan Xp, 2018"]
    opened.clean()
