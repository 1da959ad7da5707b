"""The page's scripts give the package's answers, in an embedded JavaScript engine."""

import json
from typing import Any

import dukpy
import pytest
from helpers import judging_cases
from helpers.paths import ROOT

TEMPLATES = ROOT / "src/dnnbench/report/templates"
# Return an answer in the form of the golden cases.
ANSWER = """
const answerOf = ({ size, limits, variant }) => {
  const view = golden.views[size];
  const answer = judging.judge(view, explorerData.limits, limits, variant);
  const keyOf = ({ network: { model, variant: own } }) => [model, own];
  const same = (model) => model;
  const answerTo = (other) => judging.judge(other, explorerData.limits, limits, variant);
  const sizes = judging.betterSizes(golden.views, size, answer.best, answerTo);
  const upper = (model) => model.toUpperCase();
  const networks = Object.fromEntries(
    view.networks.map(({ model }) => [model, { name: model, color: "" }]),
  );
  const front = (axis) => {
    const { minimum } = explorerData.limits.find(({ name }) => name === axis);
    const points = plotting.pointsOf([...answer.judged], axis, networks);
    return plotting.frontOf(points.filter(({ fits }) => fits !== "no"), minimum);
  };
  const names = (controls) => controls.map(({ name }) => name).join("+");
  return {
    listed: answer.judged.filter((one) => one.listed).map(keyOf),
    judged: answer.judged.map((one) => [...keyOf(one), wording.verdict(one)]),
    found: answer.found.map((one) => [
      ...keyOf(one), one.rank, one.fits, one.group,
      names(judging.controlsOf(one, "cannot_tell")), wording.versus(answer, one, same),
    ]),
    letters: Object.fromEntries(wording.letters(answer.found)),
    best: answer.best && keyOf(answer.best),
    rivals: answer.rivals.map((one) => [...keyOf(one), wording.doubt(one)]),
    fit: answer.fit,
    better: answer.better.length,
    left_out: answer.leftOut.map(({ model, variant: own, reason }) => [model, own, reason]),
    binding: answer.binding.map(({ miss }) => [
      miss.gives[0].control.name, ...keyOf(miss.one), ...miss.gives.map(wording.give),
    ]),
    nearest: answer.nearest.map((miss) => [...keyOf(miss.one), ...miss.gives.map(wording.give)]),
    front: Object.fromEntries(
      ["min_fps", "max_memory_gib"].map((axis) => [
        axis, front(axis).map(({ model, variant: own }) => [model, own]),
      ]),
    ),
    sizes: sizes.map((other) =>
      wording.atSize(other).join(wording.configuration(answer, other.best, upper)),
    ),
    texts: [
      wording.question(answer, size),
      wording.count(answer),
      wording.binding(answer),
      wording.reasons(answer, answer.leftOut, upper),
    ],
  };
};
"""


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads(judging_cases.FILE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def answers(golden: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the answers of the page's scripts, case by case."""
    engine = dukpy.JSInterpreter()
    text = json.dumps(golden)
    engine.evaljs(f"const golden = {text}; const explorerData = golden.page; 0")
    for name in ("judging", "wording", "plotting"):
        engine.evaljs((TEMPLATES / f"{name}.js").read_text(encoding="utf-8"))
    engine.evaljs(ANSWER)
    return json.loads(engine.evaljs("JSON.stringify(golden.cases.map(answerOf))"))


def test_the_golden_cases_are_current() -> None:
    assert judging_cases.FILE.read_text(encoding="utf-8") == judging_cases.text(), "run: make cases"


def test_the_page_gives_the_answers_of_the_package(
    golden: dict[str, Any], answers: list[dict[str, Any]]
) -> None:
    for case, answer in zip(golden["cases"], answers, strict=True):
        own = {key: value for key, value in answer.items() if key != "listed"}
        assert own == case["answer"], (case["size"], case["limits"], case["variant"])


def test_the_table_lists_what_pick_lists_and_other_inconclusive_configurations(
    golden: dict[str, Any], answers: list[dict[str, Any]]
) -> None:
    beaten = 0
    for case, answer in zip(golden["cases"], answers, strict=True):
        possible = [(*key, text) for *key, text in answer["judged"] if "not fit" not in text]
        listed = [tuple(key) for key in answer["listed"]]
        assert {tuple(one[:2]) for one in answer["found"]} <= set(listed)
        unlisted = [one for one in possible if one[:2] not in listed]
        # Another variant of the same network is listed instead.
        assert {model for model, *_ in unlisted} <= {model for model, _ in listed}
        if case["variant"]:
            assert unlisted == []
        beaten += len(unlisted)
    assert beaten > 10


def test_the_golden_cases_contain_every_kind_of_answer(golden: dict[str, Any]) -> None:
    found = [case["answer"] for case in golden["cases"]]
    assert {text for answer in found for text in answer["texts"][2:3]} == {
        golden["page"]["words"][key]
        for key in ("better_network", "any_network", "no_single_limit", "no_limit")
    }
    kinds = {
        "nothing fits": [not answer["best"] for answer in found],
        "might be better": [bool(answer["best"] and answer["rivals"]) for answer in found],
        "only inconclusive": [bool(not answer["best"] and answer["rivals"]) for answer in found],
        "none better": ["more accurate than the best" in answer["texts"][1] for answer in found],
        "several kinds of doubt": ["or rounding error" in answer["texts"][1] for answer in found],
        "ties": [bool(answer["letters"]) for answer in found],
        "a missing number": [len(answer["left_out"]) > 2 for answer in found],
        "two limits to relax": [
            any(len(miss) > 3 for miss in answer["nearest"]) for answer in found
        ],
        "several limits are binding": [len(answer["binding"]) > 1 for answer in found],
        "singular": [answer["fit"] == 1 for answer in found],
    }
    counts = {kind: sum(answers) for kind, answers in kinds.items()}
    assert min(counts.values()) > 2, counts


def test_the_golden_cases_contain_every_remedy(golden: dict[str, Any]) -> None:
    said = " ".join(text for case in golden["cases"] for _, _, text in case["answer"]["rivals"])
    words = {key: text for key, text in golden["page"]["words"].items() if "settle_" in key}
    texts = [one for text in words.values() for one in ([text] if isinstance(text, str) else text)]
    assert [text for text in texts if text.split("{")[0] not in said] == []
    assert len(texts) > 5
