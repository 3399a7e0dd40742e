/* Keeps "in 2 h 10 min" and countdowns true while a page stands open.

   This machine's clock may be wrong, and so may its zone: what counts is the server's now, which the
   page names in `data-now`, and how much time has passed here since that was read. A job that was
   moved ahead has a `data-now` of its own. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SLOW = 10 * SECOND;

const ahead = new WeakMap();

/** How far the clock of an element with `data-now` is ahead of this machine's. */
function offset(clock) {
  const known = ahead.get(clock);
  if (known?.told === clock.dataset.now) return known.by;
  const by = Date.parse(clock.dataset.now) - Date.now();
  ahead.set(clock, { told: clock.dataset.now, by });
  return by;
}

function nowFor(element) {
  const clock = element.closest("[data-now]");
  return Date.now() + (clock ? offset(clock) : 0);
}

/* For the other scripts of a page. */
globalThis.deskClock = { nowFor };

function span(away) {
  if (away >= 2 * DAY) return `${Math.floor(away / DAY)} days`;
  const hours = Math.floor(away / HOUR);
  const minutes = Math.floor((away % HOUR) / MINUTE);
  const said = hours ? [`${hours} h`] : [];
  return (minutes ? [...said, `${minutes} min`] : said).join(" ");
}

function relative(at, now) {
  const away = Math.abs(at - now);
  if (away < MINUTE) return "now";
  return at > now ? `in ${span(away)}` : `${span(away)} ago`;
}

/** The same of an instant that has passed, whatever the clock says that told it. */
function passed(at, now) {
  const said = relative(Math.min(at, now), now);
  return said === "now" ? "just now" : said;
}

function countdown(due, now) {
  const away = Math.abs(due - now);
  const seconds = `${Math.floor((away % MINUTE) / SECOND)} s`;
  let said = span(away);
  if (away < MINUTE) said = seconds;
  else if (away < HOUR) said = `${Math.floor(away / MINUTE)} min ${seconds}`;
  return due > now ? `${said} left` : `${said} late`;
}

function write(element, said) {
  if (element.textContent !== said) element.textContent = said;
}

/** Bring every time up to date; return after how many milliseconds the next one changes. */
function tick() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const at = Date.parse(time.dateTime);
    const say = time.dataset.relative === "passed" ? passed : relative;
    const away = time.querySelector(".away");
    if (away) write(away, `${say(at, nowFor(time))} · `);
    else {
      const exact = time.textContent.split(" · ").slice(1);
      if (exact.length) write(time, [say(at, nowFor(time)), ...exact].join(" · "));
    }
  }
  let pause = SLOW;
  for (const timer of document.querySelectorAll("[data-due]")) {
    const due = Date.parse(timer.dataset.due);
    const now = nowFor(timer);
    write(timer, countdown(due, now));
    timer.classList.toggle("is-late", due <= now);
    if (Math.abs(due - now) < HOUR) pause = SECOND;
  }
  return pause;
}

let waiting;
function run() {
  clearTimeout(waiting);
  if (document.hidden) return;
  waiting = setTimeout(run, tick());
}

document.addEventListener("visibilitychange", run);
new MutationObserver(run).observe(document.body, {
  attributeFilter: ["data-now", "data-due", "datetime"],
  subtree: true,
});
run();
