/* Forms of commands. The focus goes to a refusal, whichever way it came: with a page, or swapped into
   one. What is no form never takes a form's place: what was typed stays, with what happened above it. */

const LATER = "What you typed is still here. Send it again later: it counts once.";

function focusRefusal() {
  document.querySelector("[data-focus]")?.focus();
}

/* -- an answer that is no form ------------------------------------------------------------------ */

function tell(form, lines, way) {
  const notice = document.createElement("div");
  notice.className = "notice is-amber";
  notice.tabIndex = -1;
  notice.setAttribute("role", "alert");
  for (const [place, line] of lines.filter(Boolean).entries()) {
    const paragraph = document.createElement("p");
    const words = place ? paragraph : paragraph.appendChild(document.createElement("strong"));
    words.textContent = line;
    notice.append(paragraph);
  }
  if (way) {
    const link = document.createElement("a");
    link.className = "button";
    link.href = way.address;
    link.textContent = way.label;
    if (way.isBeside) link.target = "_blank";
    const buttons = document.createElement("p");
    buttons.append(link);
    notice.append(buttons);
  }
  for (const old of form.querySelectorAll(":scope > .notice")) old.remove();
  form.prepend(notice);
  notice.focus();
}

/* Whoever signed in again in another tab has new tokens: take those of the same person's page. */
async function renewed(form) {
  const answer = await fetch(location.href, { headers: { "x-live": "1" }, cache: "no-store", redirect: "manual" });
  if (!answer.ok) return false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const token = fresh.querySelector("input[name=form_token]")?.value;
  const isSame = ["actsAs", "who"].every((name) => fresh.body.dataset[name] === document.body.dataset[name]);
  if (!token || !isSame || token === form.elements.form_token.value) return false;
  for (const field of document.querySelectorAll("input[name=form_token]")) field.value = token;
  return true;
}

function saidIn(text, type) {
  if (type.includes("json")) {
    try {
      return JSON.parse(text).message;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }
  const page = new DOMParser().parseFromString(text, "text/html");
  return page.querySelector("[role=alert]")?.textContent.trim();
}

async function keep(form, response) {
  if (response.status === 401 || new URL(response.raw.url).pathname.startsWith("/console/sign-in")) {
    const signIn = { label: "Sign in in a new tab", address: "/console/sign-in", isBeside: true };
    tell(form, ["You're signed out. Nothing was sent.", "Sign in, come back here, then send this form again."], signIn);
    return;
  }
  if (response.status === 403 && await renewed(form)) {
    tell(form, ["You signed in again. Nothing was sent yet.", "Check the form, then send it again."]);
    return;
  }
  const said = saidIn(await response.raw.text(), response.headers.get("content-type") ?? "");
  if (response.status >= 500) tell(form, [said ?? "Steward doesn't answer.", LATER]);
  else {
    const reload = { label: "Open this page in a new tab", address: location.href, isBeside: true };
    tell(form, [said ?? "This did not work.", "What you typed is still here: copy it before you reload."], reload);
  }
}

const formOf = (event) => event.detail?.ctx?.sourceElement?.closest?.("form[data-form]");

document.addEventListener("htmx:before:response", (event) => {
  const form = formOf(event);
  const { response } = event.detail.ctx;
  if (!form || response.headers.has("x-form-alone") || response.headers.has("hx-redirect")) return;
  event.preventDefault();
  keep(form, response).catch((error) => {
    if (!(error instanceof TypeError)) throw error;
    tell(form, ["Steward can't be reached.", LATER]);
  });
});

document.addEventListener("htmx:error", (event) => {
  const form = formOf(event);
  if (form) tell(form, [navigator.onLine ? "Steward can't be reached." : "You're offline.", LATER]);
});

/* -- the focus ------------------------------------------------------------------------------------ */

let grown;
document.addEventListener("submit", (event) => {
  grown = event.submitter?.name === "more" ? event.target.id : undefined;
}, true);

document.addEventListener("htmx:after:swap", () => {
  const row = grown && [...document.querySelectorAll(`[id="${CSS.escape(grown)}"] fieldset.row`)].at(-1);
  grown = undefined;
  if (row) row.querySelector("input, select, textarea")?.focus();
  else focusRefusal();
});
focusRefusal();
