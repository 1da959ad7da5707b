"""The decision record: the page's button and ``dnnbench pick --markdown`` give the same text."""

import json
from pathlib import Path

import dukpy
from helpers import judging_cases, rows
from helpers.paths import ROOT
from typer.testing import CliRunner

from dnnbench.cli import app
from dnnbench.queries import best_fit
from dnnbench.queries.selection import candidates
from dnnbench.report import decision
from dnnbench.report.figures.explorer_facts import texts
from dnnbench.report.provenance import Provenance

EXAMPLE = ROOT / "docs/example"
TEMPLATES = ROOT / "src/dnnbench/report/templates"
PROVENANCE = Provenance("A processor, 2 threads", "measured on 2026-11-28 at commit 0123abc")
RECORD_OF = """
const recordOf = ({ size, limits, variant }) => decision.markdown({
  device: golden.device,
  size,
  answer: judging.judge(golden.views[size], explorerData.limits, limits, variant),
  nameOf: (model) => `${model.toUpperCase()}|{network}`,
});
"""


def test_page_and_terminal_give_the_same_record() -> None:
    golden = json.loads(judging_cases.FILE.read_text(encoding="utf-8"))
    golden["page"]["decision"] = decision.texts()
    device = {"key": rows.DEVICE, "label": rows.DEVICE, **vars(PROVENANCE)}
    engine = dukpy.JSInterpreter()
    engine.evaljs(f"const golden = {json.dumps(golden | {'device': device})}; 0")
    engine.evaljs("const explorerData = golden.page; 0")
    for name in ("judging", "wording", "decision"):
        engine.evaljs((TEMPLATES / f"{name}.js").read_text(encoding="utf-8"))
    engine.evaljs(RECORD_OF)
    found = json.loads(engine.evaljs("JSON.stringify(golden.cases.map(recordOf))"))

    study, models, tests = judging_cases.networks()
    names = {row.model: f"{row.model.upper()}|{{network}}" for row in study}
    titles = set()
    for case, record in zip(golden["cases"], found, strict=True):
        size, limits, variant = case["size"], case["limits"], case["variant"]
        answer = best_fit.pick(
            study, models, rows.DEVICE, limits, size, comparisons=tests, variant=variant
        )
        ranked = candidates(study, models, size)[rows.DEVICE]
        shown = {one.key: texts(one) for one in ranked}
        assert record == decision.markdown(answer, shown, names, PROVENANCE), case
        titles |= set(record.splitlines())
    for part in (
        "**No decision: no network fits for certain on cpu**",
        "Might be better, but inconclusive:",
        "Might fit, but inconclusive:",
        "Nearest misses, and the limits at which each would fit for certain:",
        "Relaxing a single limit would admit a better network:",
        "For fp32-eager-kept, set in the environment: MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=-1",
    ):
        assert part in titles


def printed(*words: str, results: Path = EXAMPLE) -> str:
    done = CliRunner().invoke(app._app, ["pick", *words, "--results", str(results)])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_in_a_record_gives_the_record() -> None:
    record = printed("--device", "cpu", "--min-fps", "30", "--markdown")
    (line,) = [line for line in record.splitlines() if line.startswith("- To reproduce: ")]
    _, _, *words = line.partition("`")[2].rstrip("`").split()
    assert printed(*words) == record


def test_a_record_of_a_measured_device_has_machine_date_and_commit() -> None:
    record = printed("--device", "cpu", "--min-fps", "30", "--markdown")
    environment = json.loads((EXAMPLE / "environment.json").read_text(encoding="utf-8"))
    assert environment["cpu"] in record
    assert environment["commit"][:12] in record
    assert environment["recorded"][:10] in record


def test_a_record_of_a_published_device_names_the_study() -> None:
    record = printed("--device", "titan-xp", "--markdown")
    assert "- Latency and memory: published in the 2018 study." in record


def test_a_record_without_the_machine_states_the_rest(tmp_path: Path) -> None:
    for name in ("study.csv", "models.csv"):
        (tmp_path / name).write_bytes((EXAMPLE / name).read_bytes())
    record = printed("--device", "cpu", "--markdown", results=tmp_path)
    assert "- Machine" not in record and "- To reproduce: `dnnbench pick" in record
