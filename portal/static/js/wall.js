// The live wall: newest frames while this page shows, as large as the screen allows; what is not fresh is never shown as live.

import { connect } from "./socket.js";

const OLD_MS = 8000;
const LOOK_MS = 4000;
const KEPT = "specola.wall.layout";
const WIDE = matchMedia("(min-width: 900px)");
const RATIO = 4 / 3;
const FOOT = 44; // pixels under a picture, for its names
const LEAST = 150; // pixels of a row's height; where rows would be lower, the wall scrolls
const words = document.getElementById("words").dataset;
const page = document.getElementById("wall-page");
const wall = document.getElementById("wall");
const siteChoice = document.getElementById("wall-site");
const fullScreen = document.getElementById("full-screen");
let tiles = new Map();
let connected = false;
let clock = 0; // the portal's clock less this browser's, in milliseconds
let layout = localStorage.getItem(KEPT) ?? "auto";
let turned = 0; // which page of cameras

function collect() {
  const earlier = tiles;
  tiles = new Map([...wall.querySelectorAll("[data-camera]")].map((tile) => {
    const id = Number(tile.dataset.camera);
    const before = earlier.get(id);
    if (before) tile.replaceWith(before.tile);
    return [id, before ?? { tile, url: "", at: 0, now: { state: tile.dataset.state, label: tile.querySelector("[data-word]").textContent, sign: "waiting" } }];
  }));
}

const chosen = () => [...tiles.values()].filter(({ tile }) => !siteChoice?.value || tile.dataset.site === siteChoice.value);
const shown = () => [...tiles].filter(([, { tile }]) => !tile.hidden).map(([id]) => id);

const socket = connect("/ws/wall/", {
  hello: () => ({ visible: !document.hidden, cameras: shown() }),
  every: LOOK_MS,
  onState: (state) => (connected = state) || refresh(),
  onMessage: ({ now, cameras }) => {
    clock = now * 1000 - Date.now();
    for (const camera of cameras) if (tiles.has(camera.id)) tiles.get(camera.id).now = camera;
    if (cameras.some(({ id }) => !tiles.has(id)) || cameras.length !== tiles.size) readAgain();
    refresh();
  },
  onBinary: (data) => {
    const place = tiles.get(new DataView(data).getUint32(0));
    if (!place) return;
    const url = URL.createObjectURL(new Blob([new Uint8Array(data, 4)], { type: "image/jpeg" }));
    const image = place.tile.querySelector("img");
    image.onload = () => {
      if (place.url) URL.revokeObjectURL(place.url);
      place.url = url;
      image.hidden = false;
      place.at = Date.now();
      refresh();
    };
    image.src = url;
  },
});

// Cameras came or went: the tiles are read again without leaving the full screen.
let reading = false;
async function readAgain() {
  if (reading) return;
  reading = true;
  const answer = await fetch(location.href).catch(() => null);
  if (answer?.ok) {
    wall.replaceChildren(...new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("wall").childNodes);
    collect();
    arrange();
  }
  setTimeout(() => (reading = false), 5000);
}

function duration(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const [n, unit] = seconds < 60 ? [seconds, "s"] : seconds < 3600 ? [Math.floor(seconds / 60), "min"] : seconds < 86400 ? [Math.floor(seconds / 3600), "h"] : [Math.floor(seconds / 86400), "d"];
  return words[unit].replace("{n}", n);
}

// What a tile may say: [sign, word]. The portal's own word counts, except that "live" needs a picture that came here and is fresh.
function judge({ at, now }) {
  if (!connected) return at ? ["stale", words.cut] : ["waiting", words.waiting];
  if (now.state !== "live") return [now.sign, now.label];
  if (!at) return ["waiting", words.waiting];
  return Date.now() - at < OLD_MS ? ["live", now.label] : ["stale", words.stale];
}

function ageOf({ at, now }, sign) {
  if (sign === "live") return duration(Date.now() - at);
  const portal = Date.now() + clock;
  if (["none", "off", "waiting"].includes(sign)) return "";
  if (sign === "dead") return now.seen ? words.seen.replace("{n}", duration(portal - now.seen * 1000)) : words.never;
  if (now.t && clock) return words.age.replace("{n}", duration(portal - now.t * 1000));
  return at ? words.age.replace("{n}", duration(Date.now() - at)) : "";
}

function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function refresh() {
  for (const place of tiles.values()) {
    const { tile, now } = place;
    const [sign, word] = judge(place);
    if (tile.dataset.shown !== sign) {
      tile.dataset.shown = sign;
      for (const use of tile.querySelectorAll(".veil use, .tile-state use")) use.setAttribute("href", `#sign-${sign}`);
    }
    const age = ageOf(place, sign);
    write(tile.querySelector("[data-word]"), word);
    write(tile.querySelector("[data-veil]"), word);
    write(tile.querySelector("[data-frame-age]"), sign === "live" ? age : "");
    write(tile.querySelector("[data-veil-age]"), sign === "live" ? "" : age);
    mark(tile.querySelector(".tile-alert"), now.alerts);
  }
}

function mark(place, alerts) {
  place.hidden = !alerts;
  if (!alerts) return;
  place.dataset.new = alerts.new;
  place.dataset.severity = alerts.severity ?? "";
  write(place.querySelector("[data-alert-word]"), alerts.n > 1 ? words.alerts.replace("{word}", alerts.word).replace("{n}", alerts.n - 1) : alerts.word);
}

// Which cameras stand on the screen, and in how many columns and rows.
function arrange() {
  const all = chosen();
  const most = WIDE.matches && layout !== "auto" ? Number(layout) : all.length;
  const pages = Math.max(1, Math.ceil(all.length / Math.max(1, most)));
  turned = Math.min(Math.max(0, turned), pages - 1);
  const here = new Set(all.slice(turned * most, (turned + 1) * most));
  for (const place of tiles.values()) place.tile.hidden = !here.has(place);
  const empty = document.getElementById("wall-empty");
  if (empty) empty.hidden = all.length > 0 || tiles.size === 0;
  document.getElementById("wall-pages").hidden = pages < 2;
  write(document.getElementById("wall-page-number"), words.page.replace("{n}", turned + 1).replace("{all}", pages));
  for (const button of page.querySelectorAll("[data-layout]")) button.setAttribute("aria-pressed", String(button.dataset.layout === layout));
  divide([...here].map(({ tile }) => tile));
  socket.greet();
}

// The division in which the pictures are largest: equal cells, or, of three, one twice as large as the others.
function divide(here) {
  const [width, height] = [wall.clientWidth, wall.clientHeight];
  const area = (w, h) => Math.min(w, Math.max(0, h - FOOT) * RATIO) ** 2;
  let best = { area: -1, columns: 1, rows: 1 };
  for (let columns = 1; columns <= Math.max(1, here.length); columns++) {
    const rows = Math.max(1, Math.ceil(here.length / columns));
    const found = area(width / columns, height / rows) * here.length;
    if (found > best.area) best = { area: found, columns, rows };
  }
  const withFirst = here.length === 3 && area((width * 2) / 3, height) + 2 * area(width / 3, height / 2) > best.area;
  if (withFirst) best = { columns: 3, rows: 2 };
  here.forEach((tile, n) => tile.classList.toggle("is-first", withFirst && n === 0));
  wall.classList.toggle("has-first", withFirst);
  wall.classList.toggle("is-long", height / best.rows < LEAST);
  wall.style.setProperty("--columns", height / best.rows < LEAST ? Math.max(1, Math.floor(width / 300)) : best.columns);
  wall.style.setProperty("--rows", best.rows);
}

function choose(name, first = 0) {
  layout = name;
  turned = first;
  localStorage.setItem(KEPT, name);
  arrange();
}

function toggleFullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else page.requestFullscreen?.().catch(() => {});
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.layout) choose(button.dataset.layout);
  else if (button.dataset.turn) turn(Number(button.dataset.turn));
  else if (button === fullScreen) toggleFullScreen();
  else if ("enlarge" in button.dataset) {
    const tile = button.closest(".tile");
    if (layout === "1") choose("auto");
    else choose("1", chosen().findIndex((place) => place.tile === tile));
  }
});

function turn(step) {
  turned += step;
  arrange();
}

const keys = { 0: () => choose("auto"), 1: () => choose("1"), 4: () => choose("4"), 9: () => choose("9"), f: toggleFullScreen, ArrowLeft: () => turn(-1), ArrowRight: () => turn(1) };
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea") || !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});

siteChoice?.addEventListener("change", () => {
  const address = new URL(location.href);
  if (siteChoice.value) address.searchParams.set("site", siteChoice.value);
  else address.searchParams.delete("site");
  history.replaceState(null, "", address);
  turned = 0;
  arrange();
});

fullScreen.hidden = !document.fullscreenEnabled;
document.addEventListener("fullscreenchange", () => fullScreen.setAttribute("aria-pressed", String(Boolean(document.fullscreenElement))));
if (!page.querySelector(`[data-layout="${CSS.escape(layout)}"]`)) layout = "auto";
collect();
arrange();
new ResizeObserver(() => divide(chosen().map(({ tile }) => tile).filter((tile) => !tile.hidden))).observe(wall);
setInterval(refresh, 1000);
refresh();
