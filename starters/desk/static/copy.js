/* Buttons that copy a text: `data-copy` is the text, `data-copy-from` the id of what holds it. They
   show only where a script can copy. What came of it, a status region beside the button says. */

document.documentElement.classList.toggle("cannot-copy", !navigator.clipboard);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy], button[data-copy-from]");
  if (!button) return;
  const { copy, copyFrom } = button.dataset;
  const status = document.getElementById("copied");
  try {
    await navigator.clipboard.writeText(copy ?? document.getElementById(copyFrom).textContent);
    status.textContent = `Copied ${button.dataset.what}.`;
  } catch {
    status.textContent = `This browser doesn't let the page copy. Select the text, then copy it.`;
  }
});
