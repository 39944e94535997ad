// The watch room: rows that come and change by themselves, keyboard, detail pane, optional sound.

import { dress } from "./alert.js";
import { connect } from "./socket.js";

const DESKTOP = matchMedia("(min-width: 1100px)");
const MOST_ROWS = 150;
const words = document.getElementById("words").dataset;
const pane = document.getElementById("pane");
const rows = () => document.getElementById("rows");
const all = () => [...rows().querySelectorAll("[data-alert]")];
const selected = () => rows().querySelector('[aria-current="true"]');
let cursor = rows().dataset.cursor;
let shown = null;
let ready = Promise.resolve(); // when the pane shows what was selected
let dirty = false; // something was typed or chosen in the pane and not sent yet

const socket = connect("/ws/alerts/", {
  hello: () => ({ since: cursor, filters: Object.fromEntries(new URLSearchParams(location.search)) }),
  onMessage: take,
});

function take(message) {
  if (message.type === "reload") return location.reload();
  cursor = message.cursor;
  rows().dataset.connected = "true"; // the first answer is here: what comes from now on comes by itself
  const fresh = message.rows.filter((row) => put(row)).length;
  for (const id of message.gone) document.getElementById(`alert-${id}`)?.remove();
  for (const [name, value] of Object.entries(message.counts)) count(name, value);
  if (message.rows.length) trim();
  if (message.rows.some((row) => row.id === shown) && !isBusy()) load(shown, isBusy);
  document.getElementById("none").hidden = all().length > 0;
  if (fresh) sound();
}

// Put a row where its time belongs; true when it was not there before.
function put({ id, html }) {
  const holder = document.createElement("template");
  holder.innerHTML = html.trim();
  const row = holder.content.firstElementChild;
  const old = document.getElementById(`alert-${id}`);
  tell(row);
  if (old) {
    if (old.getAttribute("aria-current")) row.setAttribute("aria-current", "true");
    const focused = old.contains(document.activeElement);
    old.replaceWith(row);
    if (focused) row.querySelector("a").focus();
    return false;
  }
  if (Number(rows().dataset.page) > 1) return false;
  row.classList.add("is-fresh");
  const opened = Number(row.dataset.opened);
  const next = all().find((other) => Number(other.dataset.opened) <= opened);
  if (next) next.before(row);
  else if (all().length < MOST_ROWS) rows().append(row);
  return true;
}

function trim() {
  for (const row of all().slice(MOST_ROWS)) row.remove();
}

function count(name, value) {
  const place = document.querySelector(`[data-count="${name}"]`);
  if (place) place.textContent = value;
  if (name === "new") document.title = (value ? `(${value}) ` : "") + words.title;
}

// How long ago, in one unit, as an operator says it.
function tell(root) {
  for (const place of root.querySelectorAll("[data-age]")) {
    const seconds = Math.max(0, Math.round(Date.now() / 1000 - Number(place.dataset.age)));
    const [n, unit] = seconds < 60 ? [seconds, "s"] : seconds < 3600 ? [Math.floor(seconds / 60), "min"] : seconds < 86400 ? [Math.floor(seconds / 3600), "h"] : [Math.floor(seconds / 86400), "d"];
    const text = words[unit].replace("{n}", n);
    if (place.textContent !== text) place.textContent = text;
  }
}

function select(row) {
  if (!row) return;
  selected()?.removeAttribute("aria-current");
  row.setAttribute("aria-current", "true");
  row.classList.remove("is-fresh");
  row.scrollIntoView({ block: "nearest" });
  const id = Number(row.dataset.alert);
  if (DESKTOP.matches && id !== shown) ready = load(id);
}

// Somebody is choosing or writing in the pane: it must not change under their hands.
function isBusy() {
  return dirty || (pane.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"));
}

// Until the answer is here, what stands in the pane is about another alert: no click and no key may act on it.
async function load(id, isUnwanted = () => false) {
  const isOther = id !== shown;
  if (isOther) pane.inert = true;
  shown = id;
  const html = await fetch(`/alerts/${id}/`, { headers: { "HX-Request": "true" } })
    .then((answer) => (answer.ok && !answer.redirected ? answer.text() : null))
    .catch(() => null);
  if (shown !== id || isUnwanted() || (html === null && !isOther)) return;
  if (html === null) {
    pane.replaceChildren(Object.assign(document.createElement("p"), { className: "pane-empty", textContent: words.lost }));
    shown = null;
  } else {
    const clip = pane.querySelector("video");
    pane.innerHTML = html;
    keep(clip);
    window.htmx?.process(pane);
    dress(pane);
  }
  pane.inert = dirty = false;
}

// A clip that somebody plays goes on where it was when the pane is read again.
function keep(clip) {
  const fresh = pane.querySelector("video");
  if (clip && fresh?.getAttribute("src") === clip.getAttribute("src")) fresh.replaceWith(clip);
}

const press = (name) => (pane.inert ? null : pane.querySelector(`[data-do="${name}"]`));
const keys = {
  j: () => select(selected() ? selected().nextElementSibling : all()[0]),
  k: () => select(selected()?.previousElementSibling),
  a: () => ready.then(() => press("acknowledge")?.click()),
  t: () => ready.then(() => press("real")?.click()),
  f: () => ready.then(() => press("false-alarm")?.click()),
  r: () => ready.then(() => press("resolve")?.focus()),
  b: () => ready.then(() => press("boxes")?.click()),
  "/": () => document.getElementById("q").focus(),
  "?": () => document.getElementById("keys").showModal(),
  Enter: () => selected() && (DESKTOP.matches ? pane.querySelector("h2")?.focus() : selected().querySelector("a").click()),
};

addEventListener("keydown", (event) => {
  const field = event.target.closest("input, textarea, select, dialog, video");
  if (event.key === "Escape" && field) return field.blur();
  if (field || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
  event.preventDefault();
  keys[event.key]();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
  const link = event.target.closest("#rows a");
  if (!link || !DESKTOP.matches || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  select(link.closest("[data-alert]"));
});

// The filter form swaps the list: take its time stamp and its filters from here on.
document.body.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "inbox" || event.detail.elt?.id === "inbox") {
    cursor = rows().dataset.cursor;
    tell(document);
    socket.greet();
  }
  if (pane.contains(event.target)) {
    dress(pane);
    dirty = false;
  }
});
addEventListener("popstate", () => location.reload());

pane.addEventListener("input", () => (dirty = true));

const bell = document.getElementById("sound");
let context = null;
bell.addEventListener("click", () => {
  const on = bell.getAttribute("aria-pressed") !== "true";
  bell.setAttribute("aria-pressed", String(on));
  if (on) context = context ?? new AudioContext();
  sound();
});

function sound() {
  if (bell.getAttribute("aria-pressed") !== "true" || !context) return;
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = 660;
  volume.gain.setValueAtTime(0.15, context.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + 0.4);
  tone.connect(volume).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.4);
}

setInterval(() => tell(document), 1000);
tell(document);
if (DESKTOP.matches) select(all()[0]);
