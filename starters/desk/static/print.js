/* Opens every fold for paper, and closes it again. Browsers that style folds need no help. */

const opened = new Set();

addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("main details:not([open])")) {
    opened.add(fold);
    fold.open = true;
  }
});

addEventListener("afterprint", () => {
  for (const fold of opened) fold.open = false;
  opened.clear();
});
