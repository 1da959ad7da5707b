// Text and images that leave the page: to the clipboard, or into a file.
// biome-ignore lint/correctness/noUnusedVariables: the page's other scripts use it.
const handover = (() => {
  const { at, element } = elements;
  const { TEXTS } = wording;
  const SHOWN_MS = 2000;

  const save = (blob, name) => {
    const address = URL.createObjectURL(blob);
    element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };

  // A button that says whether it worked. `copy` returns a promise.
  const copyButton = (title, copy) => {
    const button = element("button", { type: "button", class: "copy" }, title);
    button.addEventListener("click", async () => {
      const done = await copy().then(
        () => TEXTS.copied,
        () => TEXTS.not_copied,
      );
      button.textContent = done;
      at("said").textContent = done;
      setTimeout(() => (button.textContent = title), SHOWN_MS);
    });
    return button;
  };

  const copyText = async (text) => navigator.clipboard.writeText(text);

  return { copyButton, copyText, save };
})();
