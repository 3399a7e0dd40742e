/* The focus goes to a refusal, whichever way it came: with a page, or swapped into one. */

function focusRefusal() {
  document.querySelector("[data-focus]")?.focus();
}

document.addEventListener("htmx:after:swap", focusRefusal);
focusRefusal();
