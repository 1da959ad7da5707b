"""The explorer's tables: whole numbers and names, and marks that open the reason."""

import pytest
from helpers.explorer_page import Page

pytestmark = pytest.mark.slow

# Cells whose content is cut, cells that are not inside their table's box, and words on two lines.
FAULTS = """
const tables = [...document.querySelectorAll('.rows .scroll')].map((box) => {
    const edge = box.getBoundingClientRect();
    const cells = [...box.querySelectorAll('th, td')].filter((one) => one.getClientRects().length);
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


@pytest.mark.parametrize("column", ["fps", "latency"])
def test_the_mark_of_a_noisy_latency_opens_the_reason(opened: Page, column: str) -> None:
    opened.open()
    button = f"document.querySelector('.list td[data-key={column}] button.doubt')"
    model, reason = opened.run(
        f"{button}.focus(); return [{button}.closest('tr').dataset.model, {button}.title]"
    )
    assert reason.startswith(("noisy", "disturbed"))
    opened.window.press("Enter")
    opened.window.wait(f"document.querySelector('tr[data-model={model}] + .opened .details')")
    assert reason in opened.run("return document.querySelector('.opened').innerText")
    opened.run("document.querySelector('.details .close').click()")
    assert opened.run(f"return document.activeElement === {button}")
    opened.run(f"{button}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
    x, y, width, height = opened.run(
        f"const box = {button}.getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2, box.width, box.height]"
    )
    assert min(width, height) >= 24
    opened.window.click(x, y)
    opened.window.wait(f"document.querySelector('tr[data-model={model}] + .opened .details')")
    opened.clean()


def test_networks_that_might_be_better_name_a_noisy_latency_by_word(opened: Page) -> None:
    opened.open()
    # A limit equal to a noisy throughput makes its network inconclusive.
    lines = opened.run(
        """const marked = [...document.querySelectorAll('.list td[data-key=fps]:has(.doubt)')];
        return marked.map((cell) => parseFloat(cell.textContent)).flatMap((fps) => {
            set('min_fps-exact', fps, 'input');
            return [...document.querySelectorAll('.rivals li')].map((one) => one.textContent);
        })"""
    )
    assert any("), noisy. " in line for line in lines), lines
    assert not [line for line in lines if "~" in line or "†" in line]
    opened.clean()
