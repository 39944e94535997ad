// The watch room: rows that come and change by themselves, keyboard, detail pane, several alerts at once, sound.

import { decidedWord, dress } from "./alert.js";
import * as selection from "./selection.js";
import { connect } from "./socket.js";
import { bell } from "./sound.js";
import { offer, takeBack } from "./undo.js";

const DESKTOP = matchMedia("(min-width: 1100px)");
const MOST_ROWS = 150;
const words = document.getElementById("words").dataset;
const pane = document.getElementById("pane");
const rows = () => document.getElementById("rows");
const all = () => [...rows().querySelectorAll("[data-alert]")];
const selected = () => rows().querySelector('[aria-current="true"]');
const sound = bell(document.getElementById("sound"), document.getElementById("sound-refused"), document.getElementById("sound-allow"));
let cursor = rows().dataset.cursor;
let shown = null;
let ready = Promise.resolve(); // when the pane shows what was selected
let deciding = NaN; // the alert whose decision is on its way
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
  if (message.rows.length || message.gone.length) selection.show();
  if (message.rows.some((row) => row.id === shown) && !isBusy()) load(shown, isBusy);
  document.getElementById("none").hidden = all().length > 0;
  sound.ring(message.counts.ring, fresh > 0);
}

// What decides between two rows in the order asked for: the first number that differs, the larger first.
const ORDERS = {
  "": ({ last, alert }) => [last, alert],
  severity: ({ severity, last, alert }) => [severity, last, alert],
  opened: ({ opened, alert }) => [opened, alert],
  oldest: ({ last, alert }) => [-last, -alert],
};
function comesBefore(one, other) {
  const order = ORDERS[rows().dataset.sort] ?? ORDERS[""];
  const [mine, theirs] = [order(one.dataset).map(Number), order(other.dataset).map(Number)];
  const n = mine.findIndex((value, i) => value !== theirs[i]);
  return n >= 0 && mine[n] > theirs[n];
}

// Put a row where it belongs; true when it was not there before.
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
    place(row);
    if (focused) row.querySelector("a").focus();
    return false;
  }
  if (Number(rows().dataset.page) > 1) return false;
  row.classList.add("is-fresh");
  return place(row);
}

function place(row) {
  const others = all().filter((each) => each !== row);
  const next = others.find((other) => comesBefore(row, other));
  if (next ? row.nextElementSibling === next : row.isConnected && !row.nextElementSibling) return true;
  if (next) next.before(row);
  else if (others.length < MOST_ROWS) rows().append(row);
  else row.remove();
  return row.isConnected;
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
  if (!selection.count()) selection.from(row);
  const id = Number(row.dataset.alert);
  if (DESKTOP.matches && id !== shown) ready = load(id);
}

// Somebody is choosing or writing in the pane, or has just decided: it must not change under their hands. A button that is exchanged while its request is on
// its way takes the answer's event with it: no word of what was done, no undo, no next alert.
function isBusy() {
  return dirty || deciding === shown || (pane.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"));
}

// Until the answer is here, what stands in the pane is about another alert: no click and no key may act on it.
async function load(id, isUnwanted = () => false) {
  const isOther = id !== shown;
  if (isOther) {
    pane.inert = true;
    deciding = NaN;
  }
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

// Shift and an arrow: this row and the one it leads to are chosen.
function extend(step) {
  const current = selected() ?? all()[0];
  if (!current) return;
  if (!selection.count()) selection.toggle(current, true);
  const next = step > 0 ? current.nextElementSibling : current.previousElementSibling;
  if (!next) return;
  select(next);
  selection.toggle(next, true);
}

const keys = {
  j: () => select(selected() ? selected().nextElementSibling : all()[0]),
  k: () => select(selected()?.previousElementSibling),
  x: () => selected() && selection.toggle(selected()),
  J: () => extend(1),
  K: () => extend(-1),
  a: () => (selection.count() ? selection.acknowledge(restored) : ready.then(() => press("acknowledge")?.click())),
  t: () => ready.then(() => press("real")?.click()),
  f: () => ready.then(() => press("false-alarm")?.click()),
  r: () => ready.then(() => press("resolve")?.focus()),
  b: () => ready.then(() => press("boxes")?.click()),
  z: takeBack,
  s: () => sound.toggle(),
  "/": () => document.getElementById("q").focus(),
  "?": () => document.getElementById("keys").showModal(),
  Escape: selection.clear,
  Enter: () => selected() && (DESKTOP.matches ? pane.querySelector("h2")?.focus() : selected().querySelector("a").click()),
};

// After a resolution the next alert that is not resolved comes into the pane. Which rows follow is noted when the decision is sent: a row that
// no longer fits the filter may be gone before the answer is here.
let following = [];
pane.addEventListener("htmx:beforeRequest", ({ detail: { elt, xhr } }) => {
  const list = all();
  const here = list.indexOf(selected());
  following = [...list.slice(here + 1), ...list.slice(0, Math.max(0, here)).reverse()].map((row) => row.id);
  const asked = (xhr.alert = deciding = shown);
  let isGone = false; // the button that asked, because another alert was opened: then htmx tells nobody what the answer says
  xhr.addEventListener("readystatechange", () => xhr.readyState === XMLHttpRequest.DONE && (isGone = !elt.isConnected));
  xhr.addEventListener("loadend", () => {
    if (deciding === asked) deciding = NaN;
    const { decided } = JSON.parse((isGone && xhr.getResponseHeader("HX-Trigger")) || "{}");
    if (decided) document.body.dispatchEvent(new CustomEvent("decided", { detail: decided }));
  });
});
// Another alert was opened meanwhile: the answer is not about the one that the pane is for now.
pane.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.xhr.alert !== shown) detail.shouldSwap = false;
});
document.body.addEventListener("decided", ({ detail }) => {
  offer(decidedWord(detail), [detail.alert], restored);
  if (detail.state !== "resolved" || detail.alert !== shown || !DESKTOP.matches) return;
  const next = following.map((id) => document.getElementById(id)).find((row) => row && row.dataset.state !== "resolved");
  if (next) setTimeout(() => select(next)); // after htmx has put its answer into the pane
});

function restored(numbers) {
  if (numbers.length !== 1 || !DESKTOP.matches) return;
  const row = document.getElementById(`alert-${numbers[0]}`);
  if (row && numbers[0] !== shown) select(row);
  else ready = load(numbers[0]);
}

addEventListener("keydown", (event) => {
  const field = event.target.closest("input, textarea, select, dialog, video");
  const isPick = event.target.matches("[data-pick]");
  if (event.key === "Escape" && field && !isPick) return field.blur();
  if (event.shiftKey && (event.key === "ArrowDown" || event.key === "ArrowUp") && (!field || isPick)) {
    event.preventDefault();
    return extend(event.key === "ArrowDown" ? 1 : -1);
  }
  if ((field && !isPick) || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
  event.preventDefault();
  keys[event.key]();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener && !document.getElementById(opener.dataset.opens).open) document.getElementById(opener.dataset.opens).showModal();
  if (event.target.closest("#more-filters")) return openFilters();
  if (event.target.closest('[data-bulk="acknowledge"]')) return selection.acknowledge(restored);
  const row = event.target.closest("#rows [data-alert]");
  if (event.target.matches("[data-pick]")) return event.shiftKey ? selection.reach(row) : selection.toggle(row, event.target.checked);
  const link = event.target.closest("#rows a");
  if (!link || event.ctrlKey || event.metaKey) return;
  if (event.shiftKey && document.getElementById("bulk")) {
    event.preventDefault();
    return selection.reach(row);
  }
  if (!DESKTOP.matches) return;
  event.preventDefault();
  selection.from(row);
  select(row);
});
// Shift and a click choose rows, not letters.
rows().parentElement.parentElement.addEventListener("mousedown", (event) => event.shiftKey && event.target.closest("#rows") && event.preventDefault());

function openFilters() {
  const open = document.getElementById("filters").classList.toggle("is-open");
  document.getElementById("more-filters").setAttribute("aria-expanded", String(open));
}

// The filter form swaps the list: take its time stamp and its filters from here on.
document.body.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "inbox" || event.detail.elt?.id === "inbox") {
    cursor = rows().dataset.cursor;
    tell(document);
    selection.show();
    socket.greet();
  }
  if (pane.contains(event.target)) {
    dress(pane);
    dirty = false;
  }
});
addEventListener("popstate", () => location.reload());

pane.addEventListener("input", () => (dirty = true));

setInterval(() => tell(document), 1000);
tell(document);
selection.over(all);
sound.ring(Number(rows().dataset.ring) || null);
if (DESKTOP.matches) select(all()[0]);
