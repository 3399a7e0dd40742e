/* Keeps a page current: hears which jobs changed, asks for the page's own address again, and morphs
   what differs. What somebody types, reads, selects or has open stays as it is. */

const main = document.getElementById("content");
const sign = document.getElementById("connection");
const news = document.getElementById("news");

const COALESCE = 300; // milliseconds: changes that come together are shown together
const JITTER = 400; // so that all open pages don't ask at the same moment
const SILENCE = 26_000; // two heartbeats missed
const EVERY_MINUTE = 60_000; // times such as "in 5 min" grow old
const NEWS_PAUSE = 5000;
const LONGEST_RETRY = 60_000;

document.documentElement.classList.add("has-scripts");

let morph;
/* The network may fail between two scripts: then the page stays as it is, and forms still work. */
const canMorph = "htmx" in globalThis;
if (canMorph) {
  htmx.registerExtension("live", {
    init(api) { morph = api.morph; },
    htmx_before_morph_node(_, { oldNode }) { return !isInUse(oldNode); },
  });
  htmx.config.morphIgnore.push("open"); // a fold that somebody opened stays open
}

/* -- what must not be touched ---------------------------------------------------------------- */

function isInUse(node) {
  if (!(node instanceof Element)) return false;
  if (node.id === "said" || node.id === "copied") return true; // said once, and read at leisure
  if (node instanceof HTMLDialogElement && node.open) return true;
  // A form that was refused says why, with what was typed, until it is sent again.
  return node instanceof HTMLFormElement && (isEdited(node) || node.querySelector("[role=alert]") !== null);
}

function isEdited(form) {
  if (form.contains(document.activeElement) && document.activeElement !== document.body) return true;
  return [...form.elements].some((field) => {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field instanceof HTMLSelectElement) {
      const usual = [...field.options].findIndex((option) => option.defaultSelected);
      return field.selectedIndex !== Math.max(usual, 0);
    }
    return "defaultValue" in field && field.type !== "hidden" && field.value !== field.defaultValue;
  });
}

/* Whether something in use would vanish: the page changed so much that the form has no place. */
function wouldLose(fresh) {
  return [...main.querySelectorAll("form, dialog[open]")].some((each) => {
    if (!isInUse(each)) return false;
    const holder = each.closest("[id]");
    return holder !== main && !fresh.querySelector(`[id="${CSS.escape(holder.id)}"]`);
  });
}

/* -- rows that somebody looks at stay where they are ------------------------------------------ */

function isHeld(list) {
  if (list.contains(document.activeElement)) return true;
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && list.contains(selection.anchorNode);
}

/* Put the fresh rows in the order in which they are shown; return how many changes that hides. */
function keepOrder(shown, fresh) {
  const freshRows = new Map([...fresh.children].map((row) => [row.id, row]));
  const shownIds = [...shown.children].map((row) => row.id);
  const added = [...freshRows.keys()].filter((id) => !shownIds.includes(id)).length;
  const gone = shownIds.filter((id) => !freshRows.has(id)).length;
  const places = shownIds.filter((id) => freshRows.has(id)).map((id) => [...freshRows.keys()].indexOf(id));
  const moved = places.length - longestRise(places);
  const rows = [...shown.children].map((row) => freshRows.get(row.id) ?? row.cloneNode(true));
  if (added + gone + moved) fresh.replaceChildren(...rows);
  return added + gone + moved;
}

/* The length of the longest part that rises: rows out of it have moved. */
function longestRise(numbers) {
  const ends = [];
  for (const number of numbers) {
    const at = ends.findIndex((end) => end >= number);
    ends[at < 0 ? ends.length : at] = number;
  }
  return ends.length;
}

let pill;
function offer(changes) {
  if (!changes) { pill?.remove(); pill = undefined; return; }
  if (!pill) {
    pill = document.createElement("button");
    pill.type = "button";
    pill.className = "held";
    pill.addEventListener("click", () => { offer(0); refresh({ whole: true }); });
    document.body.append(pill);
  }
  pill.textContent = changes === true ? "This page changed: show" : `${changes} ${changes === 1 ? "change" : "changes"}: show`;
}

/* -- asking for the page again ---------------------------------------------------------------- */

let asking = false;
let askAgain = false;
let waiting;

function soon() {
  waiting ??= setTimeout(() => { waiting = undefined; refresh(); }, COALESCE + Math.random() * JITTER);
}

async function refresh({ whole = false } = {}) {
  if (asking) { askAgain = true; return; }
  asking = true;
  try {
    const answer = await fetch(location.href, {
      headers: { "x-live": "1" }, cache: "no-store", redirect: "manual",
    });
    if (answer.type === "opaqueredirect" || answer.status === 401) { signedOut(); return; }
    if (answer.status >= 500) { lost(); return; }
    if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"), whole);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    lost(); // nobody answered
  } finally {
    asking = false;
    if (askAgain) { askAgain = false; soon(); }
  }
}

function show(fresh, whole) {
  const content = fresh.getElementById("content");
  if (!content) return;
  const { actsAs } = fresh.body.dataset;
  if (actsAs !== document.body.dataset.actsAs) { switched(actsAs); return; }
  if (!whole && wouldLose(content)) { offer(true); return; }
  let hidden = 0;
  for (const list of main.querySelectorAll("[data-hold]")) {
    const other = fresh.getElementById(list.id);
    if (!whole && other && isHeld(list)) hidden += keepOrder(list, other);
  }
  for (const name of ["live", "now"]) main.dataset[name] = content.dataset[name] ?? "";
  document.title = fresh.title;
  const bar = fresh.querySelector("header nav");
  if (bar) morphInto(document.querySelector("header nav"), bar);
  morphInto(main, content);
  offer(hidden);
  announce();
  document.dispatchEvent(new CustomEvent("desk:updated"));
}

function morphInto(target, source) {
  const fragment = document.createDocumentFragment();
  fragment.append(...source.childNodes);
  morph(target, fragment, true);
}

/* -- one polite sentence of totals ------------------------------------------------------------ */

const summary = () => main.querySelector("[data-summary]")?.dataset.summary ?? "";
let told = main ? summary() : "";
let tellAt = 0;
function announce() {
  const said = summary();
  if (said === told || Date.now() < tellAt) return;
  told = said;
  tellAt = Date.now() + NEWS_PAUSE;
  news.textContent = said;
}

/* -- the stream -------------------------------------------------------------------------------- */

let stream;
let lastHeard = Date.now();
let lostSince;
let retry = 0;
let retrying;
let isOut = false;
let isPaused = false;

function connect() {
  if (isOut || isPaused || document.hidden || stream) return;
  clearTimeout(retrying);
  stream = new EventSource("/console/changes");
  const heard = (name, act) => stream.addEventListener(name, (event) => { lastHeard = Date.now(); act(event); });
  heard("connected", () => { retry = 0; found(); soon(); });
  heard("heartbeat", () => { if (lostSince) { found(); soon(); } });
  heard("changed", (event) => { if (concerns(JSON.parse(event.data))) soon(); });
  heard("signed-out", signedOut);
  heard("full", paused);
  stream.onerror = () => {
    disconnect();
    lost();
  };
}

function concerns(changed) {
  const shown = (main.dataset.live ?? "").trim();
  if (!shown) return false;
  if (shown === "all" || changed === "all") return true;
  return shown.split(/\s+/).some((job) => changed.includes(job));
}

function disconnect() {
  stream?.close();
  stream = undefined;
}

/* -- whether the page can be believed ---------------------------------------------------------- */

function lost() {
  if (isOut || isPaused) return;
  if (!lostSince) {
    lostSince = new Date(lastHeard);
    const zone = document.body.dataset.zone;
    const at = new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hour: "numeric", minute: "2-digit", timeZoneName: "shortGeneric",
    }).format(lostSince);
    banner(`Not connected since ${at}.`, "Reload");
  }
  disconnect();
  clearTimeout(retrying);
  const pause = Math.min(1000 * 2 ** retry, LONGEST_RETRY) * (0.75 + Math.random() / 2);
  retry += 1;
  retrying = setTimeout(probe, pause);
}

/* Ask for the page first: only its answer tells whether somebody has to sign in. */
async function probe() {
  if (document.hidden || isOut) return;
  await refresh();
  if (!isOut && !stream) connect();
}

function found() {
  if (!lostSince && sign.firstChild) return;
  lostSince = undefined;
  sign.className = "connection is-live";
  sign.textContent = "Live";
  sign.title = "This page updates by itself.";
}

/* The server has no room for one more page that updates: asking again would not make any. */
function paused() {
  isPaused = true;
  disconnect();
  clearTimeout(retrying);
  banner("Updates paused: too many pages are open.", "Reload");
}

function signedOut() {
  isOut = true;
  disconnect();
  clearTimeout(retrying);
  banner("You are signed out.", "Sign in");
}

/* Another tab switched the role: this page would mix what both roles see. */
function switched(actsAs) {
  isOut = true;
  disconnect();
  clearTimeout(retrying);
  banner(`You now act as ${actsAs}.`, "Reload");
}

function banner(text, way) {
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = way;
  sign.className = "connection is-lost";
  sign.removeAttribute("title");
  sign.replaceChildren(`${text} `, link);
}

function start() {
  connect();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) disconnect();
    else { lastHeard = Date.now(); connect(); }
  });
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  setInterval(() => {
    if (stream && Date.now() - lastHeard > SILENCE) lost();
  }, 2000);
  setInterval(() => { if (stream && !document.hidden) soon(); }, EVERY_MINUTE);
}

if (canMorph && main && (main.dataset.live ?? "").trim()) start();
