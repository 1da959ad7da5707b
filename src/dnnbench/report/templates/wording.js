// The explorer's sentences about an answer of judging.js. The templates in `WORDS` come from
// dnnbench/queries/wording.py.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const wording = (() => {
  const { words: WORDS } = explorerData;
  const phrase = (words) => words.join(", ");
  // Texts that the terminal does not share.
  const TEXTS = {
    tied_with_best: "Tied with it in accuracy: {names}.",
    stability: "The latency is {verdict}",
    no_stability: "Stability of the latency: {reason}.",
    sizes: "No results for batch size {size}. Available batch sizes: {sizes}.",
    variants: "No results for {variant}. Available variants: {variants}.",
    not_applied:
      "Your limit of {limit} is not applied here: {word} is measured differently ({basis}).",
    no_results: "The study has no results for this device.",
    no_row: "no results in the study",
    family: "Family",
    variant: "Variant",
    fits: "Fits",
    variants_of: "Variants of {network} on {device}",
    unknown: "unknown",
    no_limit: "no limit",
    listed: "Showing {listed} of {of} at batch size {size}.",
    small_print: "Below the numbers: 95% confidence intervals and sources.",
    no_match: "Nothing in the list matches the search.",
    networks_on: "Networks on {device}",
    copy_decision: "Copy this decision as Markdown",
    copy_chart: "Copy chart",
    save_svg: "Save as SVG",
    save_png: "Save as PNG",
    copied: "Copied",
    not_copied: "The browser does not allow copying",
  };
  const fill = (text, fields) => text.replace(/\{(\w+)\}/g, (_, name) => fields[name]);
  // The text for one or for any other number.
  const numbered = (key, count, fields) => fill(WORDS[key][count === 1 ? 0 : 1], fields);

  // A number with its interval and source in parentheses.
  const shown = (network, key) => {
    if (!network.shown[key]) return TEXTS.unknown;
    const [text, ...notes] = network.shown[key];
    const inside = phrase(notes.filter(Boolean));
    return inside ? `${text} (${inside})` : text;
  };

  const words = (one, fits) => phrase(judging.controlsOf(one, fits).map(({ word }) => word));

  const verdict = (one) =>
    one.fits === "yes" ? WORDS.yes : `${WORDS[one.fits]}: ${words(one, one.fits)}`;

  // For which limits a configuration is inconclusive, and what would settle it.
  const doubt = (one) =>
    [
      fill(WORDS.inconclusive_in, { limits: words(one, "cannot_tell") }),
      ...judging
        .remediesOf(one)
        .map(({ kind, rounds }) =>
          kind === "rounds"
            ? numbered("settle_rounds", rounds, { rounds })
            : WORDS[`settle_${kind}`],
        ),
    ].join(" ");

  // How the latency compares with that of the next network in rank, unless the two differ.
  const versus = (answer, { next, latency }, nameOf) =>
    next && latency !== "different"
      ? fill(WORDS.versus, { network: configuration(answer, next, nameOf), verdict: latency })
      : "";

  const amount = ({ unit }, value) => `${value}${unit === "%" ? "" : " "}${unit}`;

  const limit = ({ control, limit: value }) =>
    `${control.word} ${control.minimum ? "≥" : "≤"} ${amount(control, value)}`;

  const change = ({ control, factor }) => {
    const { minimum } = control;
    const percent = 100 * Math.abs((minimum ? 1 / factor : factor) - 1);
    const whole = Math.floor(percent + 0.5);
    const tenths = Math.floor(10 * percent + 0.5);
    const most = minimum ? 99 : 1000;
    let shown = String(whole);
    if (whole > most) shown = fill(WORDS.over, { percent: most });
    else if (whole < 10) {
      shown = tenths ? (tenths / 10).toFixed(1) : fill(WORDS.under, { percent: 0.1 });
    }
    return fill(minimum ? WORDS.lower : WORDS.higher, { percent: shown });
  };

  const relaxed = ({ control, text }) => limit({ control, limit: text });

  const give = (one) => `${relaxed(one)} (${change(one)})`;

  // A sentence before and after the network's name, which is an element.
  const around = (key, fields) =>
    fill(WORDS[key], { ...fields, network: "{network}" }).split("{network}");

  const admits = (one, top1) =>
    around("would_admit", { limit: relaxed(one), change: change(one), top1 });

  const atSize = ({ size, best }) =>
    around("better_batch_size", { batch_size: size, top1: best.top1.toFixed(2) });

  const question = (answer, batchSize) => {
    const variant = answer.variant ? `${answer.variant}, ` : "";
    const limits = phrase(answer.given.map(limit)) || WORDS.no_limits;
    return `Batch size ${batchSize}, ${variant}${limits}.`;
  };

  // A network's name, with the variant if the answer covers several.
  const configuration = ({ variants }, { network: { model, variant } }, nameOf) =>
    variants.length > 1
      ? fill(WORDS.in_variant, { network: nameOf(model), variant })
      : nameOf(model);

  // The number of configurations that an answer judges, or of networks if it covers one variant.
  const counted = ({ judged, variants }) => {
    const networks = new Set(judged.map(({ network }) => network.model)).size;
    const of = numbered("networks", networks, { networks });
    return variants.length > 1
      ? numbered("configurations", judged.length, { configurations: judged.length, networks: of })
      : of;
  };

  const count = (answer) => {
    const { judged, fit, inconclusive: doubtful, rivals } = answer;
    const inconclusive = doubtful.length;
    if (!judged.length) return WORDS.none_evaluated;
    const of = counted(answer);
    if (!fit && !inconclusive) return numbered("none_fits", judged.length, { of });
    const sentences = fit ? [numbered("fit", fit, { fit, of })] : [];
    if (inconclusive) {
      const kinds = new Set(
        doubtful
          .flatMap(({ verdicts }) => verdicts)
          .filter(({ fits }) => fits === "cannot_tell")
          .map(({ number }) => number.kind),
      );
      const because = `why_${[...kinds].sort().join("_")}`;
      const why = numbered(WORDS[because] ? because : "why_mixed", inconclusive, {});
      const key = fit ? "more_inconclusive" : "only_inconclusive";
      sentences.push(numbered(key, inconclusive, { inconclusive, of, why }));
      if (!rivals.length) sentences.push(numbered("none_better", inconclusive, {}));
    }
    return sentences.join(" ");
  };

  const binding = ({ best, better, binding: limits }) => {
    if (limits.length) return best ? WORDS.better_network : WORDS.any_network;
    return better.length ? WORDS.no_single_limit : WORDS.no_limit;
  };

  // Configurations that cannot be evaluated, by variant and reason. With several variants, a long
  // list becomes a number. A network without any results has no variant.
  const reasons = ({ variants }, leftOut, nameOf) => {
    const several = variants.length > 1;
    const groups = new Map();
    for (const { model, variant, reason } of leftOut) {
      const key = JSON.stringify([variant, reason]);
      if (!groups.has(key)) groups.set(key, { variant, reason, names: [] });
      groups.get(key).names.push(nameOf(model));
    }
    return [...groups.values()]
      .map(({ variant, reason, names }) => {
        const networks = names.length;
        const long = several && networks > explorerData.most_named;
        const listed = long ? numbered("networks", networks, { networks }) : phrase(names);
        const where =
          several && variant ? fill(WORDS.in_variant, { network: listed, variant }) : listed;
        return `${where} (${reason})`;
      })
      .join("; ");
  };

  // The variables that choose an allocator, for each variant that has one.
  const environments = (configurations) => {
    const variables = new Map(
      configurations.map(({ network }) => [network.variant, network.environment]),
    );
    return [...variables]
      .filter(([, text]) => text)
      .map(([variant, text]) => fill(WORDS.environment, { variant, variables: text }));
  };

  // A letter for each group of ties with more than one network.
  const letters = (found) => {
    const sizes = new Map();
    for (const { group } of found) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    const groups = [...sizes.keys()].filter((group) => sizes.get(group) > 1);
    return new Map(groups.map((group, at) => [group, String.fromCharCode(97 + (at % 26))]));
  };

  // The note on tied networks, chosen like in `dnnbench pick`.
  const tied = (found) => {
    const source = explorerData.recorded.indexOf("accuracy_source");
    const published = ({ network }) => String(network.record[source]).startsWith("published:");
    return found.every(published) ? WORDS.tied_rounding : WORDS.tied;
  };

  return {
    TEXTS,
    WORDS,
    admits,
    amount,
    around,
    atSize,
    binding,
    configuration,
    count,
    counted,
    doubt,
    environments,
    fill,
    give,
    letters,
    phrase,
    question,
    reasons,
    shown,
    tied,
    verdict,
    versus,
    words,
  };
})();
