/* The desk by keyboard: single keys, never while somebody types, and off for whoever wants them off. */

const OFF = "steward-keys-off";
const GO = { b: "/console", t: "/console/tasks", s: "/console/stuck", m: "/console/mail" };
const GO_PATIENCE = 1500;
const BOARD = "steward-board";

const help = document.getElementById("keys");
const button = document.getElementById("keys-help");
const isOn = document.getElementById("keys-on");

const areOff = () => localStorage.getItem(OFF) === "1";
const rows = () => [...document.querySelectorAll("[data-row]")];
const linkOf = (row) => row.querySelector("a[href]");

function isTyping(target) {
  return target.closest?.("input, select, textarea, [contenteditable], dialog[open]") !== null;
}

function step(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  linkOf(all[next])?.focus();
  all[next].scrollIntoView({ block: "nearest" });
}

let goUntil = 0;

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape") {
    if (document.activeElement?.id === "search") document.activeElement.blur();
    else if (document.activeElement?.closest("[data-row]")) document.activeElement.blur();
    closeMenus(() => false);
    return;
  }
  if (areOff() || isTyping(event.target)) return;
  const isGo = Date.now() < goUntil;
  goUntil = 0;
  if (isGo && Object.hasOwn(GO, event.key)) {
    event.preventDefault();
    // The menu knows which view of the board this tab saw last.
    const known = document.querySelector(`nav a[data-home="${GO[event.key]}"]`)?.href;
    location.assign(known ?? GO[event.key]);
    return;
  }
  const act = {
    "/": () => document.getElementById("search")?.focus(),
    "?": showHelp,
    g: () => { goUntil = Date.now() + GO_PATIENCE; },
    j: () => step(1),
    k: () => step(-1),
  }[event.key];
  if (act) { event.preventDefault(); act(); }
}

/* Close the menus that nobody is in: the focus never stays on what is hidden. */
function closeMenus(isUsed) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (isUsed(menu)) continue;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
}

function showHelp() {
  isOn.checked = !areOff();
  help.showModal();
}

/* A click on a row opens its job, unless it was on a link, or selected some text. */
function openRow(event) {
  const row = event.target.closest?.("[data-row]");
  if (!row || event.target.closest("a, button, summary, input, select, form, article")) return;
  if (!(getSelection()?.isCollapsed ?? true)) return;
  linkOf(row)?.click();
}

/* The menu leads back to the board as this tab last saw it. Whoever signs in next doesn't learn what
   somebody searched for. */
function rememberBoard() {
  if (location.pathname.startsWith("/console/sign-in")) sessionStorage.removeItem(BOARD);
  const link = document.querySelector('header nav a[data-home="/console"]');
  if (location.pathname === "/console") sessionStorage.setItem(BOARD, location.search);
  else if (link) link.href = `/console${sessionStorage.getItem(BOARD) ?? ""}`;
}

document.addEventListener("keydown", press);
document.addEventListener("click", openRow);
document.addEventListener("click", (event) => closeMenus((menu) => menu.contains(event.target)));
document.addEventListener("focusin", (event) => closeMenus((menu) => menu.contains(event.target)));
document.addEventListener("desk:updated", rememberBoard);
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-submits]");
  if (!form) return;
  for (const field of form.elements) field.disabled ||= field.value === ""; // a short address
  form.requestSubmit();
});
button?.addEventListener("click", showHelp);
if (button) button.hidden = false;
isOn?.addEventListener("change", () => {
  if (isOn.checked) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "1");
});
rememberBoard();
