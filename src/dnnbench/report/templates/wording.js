// What the explorer says, in words made from an answer of judging.js.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const wording = (() => {
  const { words: WORDS } = explorerData;
  const phrase = (words) => words.join(", ");
  const percent = (share) => {
    const tenths = Math.floor(Math.abs(share) * 1000 + 0.5);
    return `${share < 0 ? "-" : "+"}${(tenths / 10).toFixed(1)}%`;
  };
  const fill = (text, fields) => text.replace(/\{(\w+)\}/g, (_, name) => fields[name]);

  // A number with what it rests on in brackets.
  const shown = (network, key) => {
    if (!network.shown[key]) return "not known";
    const [text, ...notes] = network.shown[key];
    const inside = phrase(notes.filter(Boolean));
    return inside ? `${text} (${inside})` : text;
  };

  const words = (one, fits) => phrase(judging.controlsOf(one, fits).map(({ word }) => word));

  const verdict = (one) =>
    one.fits === "yes" ? WORDS.yes : `${WORDS[one.fits]}: ${words(one, one.fits)}`;

  // Why it cannot be told of a network whether it fits.
  const doubts = (one) =>
    phrase(
      judging
        .controlsOf(one, "cannot_tell")
        .map(({ name, word }) =>
          judging.boundsOf(one.network, name).certain
            ? `${word}: the limit lies within its bounds`
            : `${word}: its bounds are not known`,
        ),
    );

  const limit = ({ control, limit: value }) =>
    `${control.word} ${control.minimum ? "≥" : "≤"} ${value} ${control.unit}`;

  const give = ({ control, text, factor }) => {
    const change = control.minimum ? 1 / factor - 1 : factor - 1;
    return `${limit({ control, limit: text })} (${percent(change)})`;
  };

  const question = (answer, batchSize) =>
    `Batch size ${batchSize}, ${phrase(answer.given.map(limit)) || "no limit"}.`;

  const count = ({ judged, found, fit }) => {
    const fields = { networks: judged.length, fit, doubtful: found.length - fit };
    if (!judged.length) return WORDS.none_judged;
    if (!found.length) return fill(WORDS.none_fits, fields);
    const fits = fill(fit === 1 ? WORDS.one_fits : WORDS.some_fit, fields);
    const certain = fit ? WORDS.some_certain : WORDS.none_certain;
    return fill(fields.doubtful ? certain : WORDS.all_certain, { ...fields, fits });
  };

  const binding = ({ best, better, binding: limits }) => {
    if (limits.length) return best ? WORDS.better_network : WORDS.any_network;
    return better.length ? WORDS.no_single_limit : WORDS.no_limit;
  };

  // Networks that share a reason, together.
  const reasons = (byModel, nameOf) => {
    const models = new Map();
    for (const [model, why] of Object.entries(byModel)) {
      models.set(why, [...(models.get(why) ?? []), nameOf(model)]);
    }
    return [...models].map(([why, names]) => `${phrase(names)} (${why})`).join("; ");
  };

  // A letter for each group of ties that has more than one network.
  const letters = (found) => {
    const sizes = new Map();
    for (const { group } of found) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    const groups = [...sizes.keys()].filter((group) => sizes.get(group) > 1);
    return new Map(groups.map((group, at) => [group, String.fromCharCode(97 + (at % 26))]));
  };

  return {
    WORDS,
    binding,
    count,
    doubts,
    give,
    letters,
    phrase,
    question,
    reasons,
    shown,
    verdict,
    words,
  };
})();
