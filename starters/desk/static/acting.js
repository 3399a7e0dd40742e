// What scripts add to the forms of commands: nothing is sent twice at once, and the focus goes to a
// refusal, whichever way it came.

function focusRefusal(within) {
  within.querySelector("[data-focus]")?.focus();
}

document.addEventListener("htmx:after:swap", () => focusRefusal(document));
focusRefusal(document);
