// A decision as Markdown, as `dnnbench pick --markdown` prints it (dnnbench/report/decision.py).
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const decision = (() => {
  const { WORDS, fill, phrase, shown } = wording;
  const { words: OWN, listed: LISTED, nearest: NEAREST } = explorerData.decision;

  const summary = ({ device, size, answer }) => [
    fill(OWN.question, { question: wording.question(answer, size) }),
    ...(device.machine ? [fill(OWN.machine, { machine: device.machine })] : []),
    fill(OWN.answer, { count: wording.count(answer) }),
    ...(device.numbers ? [fill(OWN.numbers, { numbers: device.numbers })] : []),
    fill(OWN.reproduce, { command: command(device, size, answer) }),
  ];

  const command = (device, size, { given, variant }) =>
    [
      `dnnbench pick --device ${device.key} --batch-size ${size}`,
      ...given.map(({ control, limit }) => `${control.option} ${limit}`),
      ...(variant ? [`--variant ${variant}`] : []),
      "--markdown",
    ].join(" ");

  const row = (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

  const table = (entries, nameOf) => {
    if (!entries.length) return [];
    const columns = explorerData.facts.filter(({ column }) => column);
    const head = ["", "Network", ...columns.map(({ title }) => title), OWN.stability];
    const rows = entries.map((one) => [
      String(one.rank),
      nameOf(one),
      ...columns.map(({ key }) => shown(one.network, key)),
      one.network.stability ?? "",
    ]);
    return [row(head), `|${"---|".repeat(head.length)}`, ...rows.map(row)];
  };

  const rivalsOf = ({ rivals }, nameOf) => {
    const lines = rivals.slice(0, LISTED).map((one) => {
      const { network } = one;
      const numbers = `${network.shown.top1[0]}, ${shown(network, "latency")}`;
      return `- ${nameOf(one)}: ${numbers}. ${wording.doubt(one)}`;
    });
    const more = rivals.length - lines.length;
    return more ? [...lines, `- ${fill(WORDS.and_more, { count: more })}`] : lines;
  };

  const missesOf = ({ nearest }, nameOf) =>
    nearest.slice(0, NEAREST).map(({ one, gives }) => {
      const needs = phrase(gives.map(wording.give));
      return `- ${nameOf(one)} (${one.top1.toFixed(2)}%): ${needs}`;
    });

  const bindingOf = ({ binding }, nameOf) =>
    binding.map(({ give, miss: { one } }) => {
      const [before, after] = wording.admits(give, one.top1.toFixed(2));
      return `- ${before}${nameOf(one)}${after}`;
    });

  const leftOut = (answer, nameOf) => {
    const reasons = wording.reasons(answer, answer.leftOut, nameOf);
    return reasons ? [fill(WORDS.not_evaluated, { reasons })] : [];
  };

  // The text for the answer on a device at a batch size.
  const markdown = ({ device, size, answer, nameOf: ofModel }) => {
    const { best, found } = answer;
    const nameOf = (one) => wording.configuration(answer, one, ofModel);
    const title = best
      ? fill(OWN.title, { network: nameOf(best), device: device.label })
      : fill(OWN.no_title, { device: device.label });
    const fitting = found.filter(({ fits }) => fits === "yes").sort((a, b) => a.rank - b.rank);
    const below = (heading, lines) => (lines.length ? [`${heading}\n`, ...lines] : []);
    return `${[
      [title],
      summary({ device, size, answer }),
      table(fitting.slice(0, LISTED), nameOf),
      below(best ? WORDS.might_be_better : WORDS.might_fit, rivalsOf(answer, nameOf)),
      below(WORDS.nearest, missesOf(answer, nameOf)),
      below(wording.binding(answer), bindingOf(answer, nameOf)),
      wording.environments([...fitting.slice(0, LISTED), ...answer.rivals.slice(0, LISTED)]),
      leftOut(answer, ofModel),
    ]
      .filter((lines) => lines.length)
      .map((lines) => lines.join("\n"))
      .join("\n\n")}\n`;
  };

  return { markdown };
})();
