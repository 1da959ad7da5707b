// What the explorer says, in words made from an answer of judging.js.
const wording = (() => {
  const FITS = { yes: "fits", cannot_tell: "cannot tell", no: "does not fit" };
  const phrase = (words) => words.join(", ");
  const percent = (share) => `${share < 0 ? "−" : "+"}${Math.abs(share * 100).toFixed(1)} %`;
  const spaced = (status) => status.replaceAll("_", " ");

  // A number with what it rests on in brackets.
  const shown = (network, key) => {
    if (!network.shown[key]) return "not known";
    const [text, ...notes] = network.shown[key];
    const inside = phrase(notes.filter(Boolean));
    return inside ? `${text} (${inside})` : text;
  };

  const words = (one, fits) => phrase(judging.controlsOf(one, fits).map(({ word }) => word));

  const verdict = (one) =>
    one.fits === "yes" ? FITS.yes : `${FITS[one.fits]}: ${words(one, one.fits)}`;

  // Why it cannot be told of a network whether it fits.
  const doubts = (one) =>
    phrase(
      judging.controlsOf(one, "cannot_tell").map(({ name, word }) =>
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
    if (!judged.length) return "No network can be judged.";
    if (!found.length) return `None of ${judged.length} networks fits.`;
    const text = `${fit} of ${judged.length} networks ${fit === 1 ? "fits" : "fit"}`;
    const doubtful = found.length - fit;
    if (!doubtful) return `${text}.`;
    return `${text} for certain; of ${doubtful} ${fit ? "more " : ""}it cannot be told.`;
  };

  const binding = ({ best, better, binding: limits }) => {
    const letIn = best ? "a better network" : "a network";
    if (limits.length) return `What binds: giving way on one limit alone lets in ${letIn}.`;
    return better.length
      ? "No limit binds by itself: every better network is outside two or more."
      : "No limit binds: no network that is surely better is outside.";
  };

  // Networks that share a reason, together.
  const reasons = (byModel, nameOf) => {
    const models = new Map();
    for (const [model, why] of Object.entries(byModel)) {
      models.set(why, [...(models.get(why) ?? []), nameOf(model)]);
    }
    return [...models].map(([why, names]) => `${phrase(names)} (${spaced(why)})`).join("; ");
  };

  // A letter for each group of ties that has more than one network.
  const letters = (found) => {
    const sizes = new Map();
    for (const { group } of found) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    const groups = [...sizes.keys()].filter((group) => sizes.get(group) > 1);
    return new Map(groups.map((group, at) => [group, String.fromCharCode(97 + (at % 26))]));
  };

  return {
    FITS,
    binding,
    count,
    doubts,
    give,
    letters,
    phrase,
    question,
    reasons,
    shown,
    spaced,
    verdict,
    words,
  };
})();
