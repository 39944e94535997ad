// The site page: plan with cameras, tiles that tell how the cameras are, and the visitor flow.

import { visitorChart } from "./visitor-chart.js";

const words = document.getElementById("words").dataset;
const pins = JSON.parse(document.getElementById("pins").textContent);
const markers = new Map();
const SILENT_MS = 4000;

function icon(pin) {
  const cone = pin.kind === "drone" ? '<circle class="cone" cx="22" cy="22" r="20"/>' : `<path class="cone" transform="rotate(${Number(pin.heading) || 0} 22 22)" d="M22 22 6-8a34 34 0 0 1 32 0z"/>`;
  return L.divIcon({ className: `pin-icon ${pin.style}`, iconSize: [44, 44], iconAnchor: [22, 22], html: `<svg viewBox="0 0 44 44" aria-hidden="true">${cone}<circle class="dot" cx="22" cy="22" r="8"/></svg>` });
}

// An element, not text: Leaflet reads text as HTML, and names are typed by people.
function label(pin, state) {
  return Object.assign(document.createElement("span"), { textContent: `${pin.name} · ${state}` });
}

function drawPlan(place) {
  const image = new Image();
  image.onload = () => {
    const [w, h] = [1000, (1000 * (image.naturalHeight || 3)) / (image.naturalWidth || 4)];
    const bounds = [[0, 0], [h, w]];
    const map = L.map(place, { crs: L.CRS.Simple, minZoom: -3, maxZoom: 2, zoomSnap: 0, zoomDelta: 0.5, attributionControl: false, scrollWheelZoom: false, maxBounds: [[-h * 0.2, -w * 0.2], [h * 1.2, w * 1.2]] });
    L.imageOverlay(place.dataset.plan, bounds, { alt: "" }).addTo(map);
    map.fitBounds(bounds, { padding: [8, 8] });
    for (const pin of pins) {
      const marker = L.marker([h * (1 - pin.y), w * pin.x], { icon: icon(pin), title: pin.name, alt: pin.name, keyboard: true }).addTo(map);
      marker.bindTooltip(label(pin, pin.state), { permanent: true, direction: "bottom", offset: [0, 14] });
      marker.on("click keypress", () => arrange?.getAttribute("aria-pressed") === "true" || document.querySelector(`#camera-${pin.id} h3 a`)?.focus());
      markers.set(pin.id, { marker, pin });
    }
    if (arrange) makeMovable(map, h, w);
  };
  image.src = place.dataset.plan;
}

// Cameras are moved only after "Move cameras" was pressed: a plan that is looked at on a phone must not change under the finger.
function makeMovable(map, h, w) {
  const hint = document.getElementById("plan-hint");
  const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  const inside = (value) => Math.min(1, Math.max(0, value));

  async function save(marker, pin) {
    const { lat, lng } = marker.getLatLng();
    const place = { x: inside(lng / w), y: inside(1 - lat / h), heading: pin.turned ?? pin.heading };
    const options = { method: "POST", headers: { "Content-Type": "application/json", "X-CSRFToken": token }, body: JSON.stringify(place) };
    const answer = await fetch(pin.move, options).catch(() => null);
    const told = answer?.headers.get("Content-Type")?.includes("json") ? await answer.json() : {};
    if (answer?.ok) Object.assign(pin, told);
    hint.textContent = answer?.ok ? words.moved.replace("{name}", pin.name) : told.error ?? words.unreachable;
    pin.turned = undefined;
    marker.setLatLng([h * (1 - pin.y), w * pin.x]);
    if (!answer?.ok) marker.setIcon(icon(pin));
  }

  function turn(marker, pin, degrees) {
    pin.turned = ((pin.turned ?? pin.heading) + degrees + 360) % 360;
    marker.getElement().querySelector(".cone")?.setAttribute("transform", `rotate(${pin.turned} 22 22)`);
  }

  for (const { marker, pin } of markers.values()) {
    let waiting = 0;
    const soon = () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => save(marker, pin), 500);
    };
    marker.on("dragend", () => save(marker, pin));
    marker.on("keydown", ({ originalEvent: event }) => {
      if (arrange.getAttribute("aria-pressed") !== "true") return;
      const step = event.shiftKey ? 0.05 : 0.005;
      const [dx, dy] = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key] ?? [0, 0];
      if (event.key === "[" || event.key === "]") turn(marker, pin, event.key === "[" ? -15 : 15);
      else if (!dx && !dy) return;
      event.preventDefault();
      event.stopPropagation();
      const { lat, lng } = marker.getLatLng();
      marker.setLatLng([h * inside(lat / h + dy), w * inside(lng / w + dx)]);
      soon();
    });
  }
  arrange.addEventListener("click", () => {
    const on = arrange.getAttribute("aria-pressed") !== "true";
    arrange.setAttribute("aria-pressed", String(on));
    plan.classList.toggle("is-arranging", on);
    hint.textContent = on ? words.arrange : "";
    for (const { marker } of markers.values()) marker.dragging[on ? "enable" : "disable"]();
    map.keyboard[on ? "disable" : "enable"]();
  });
}

async function refreshStates(list) {
  const answer = await fetch(list.dataset.tiles, { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) return;
  for (const camera of (await answer.json()).cameras) {
    const tile = list.querySelector(`[data-camera="${camera.id}"]`);
    if (!tile) return location.reload();
    const state = tile.querySelector("[data-state]");
    if (state.textContent !== camera.label) state.textContent = camera.label;
    state.className = `state-word ${camera.style}`;
    tile.toggleAttribute("data-live", camera.state === "live");
    tile.querySelector("[data-fps]").textContent = camera.fps === null ? "" : words.fps.replace("{n}", camera.fps.toLocaleString(document.documentElement.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 }));
    tile.querySelector("[data-people]").textContent = camera.people === null ? "" : words.people.replace("{n}", camera.people);
    const known = markers.get(camera.id);
    if (known && known.pin.style !== camera.style) {
      known.pin.style = camera.style;
      known.marker.setIcon(icon(known.pin));
    }
    known?.marker.setTooltipContent(label(known.pin, camera.label));
  }
}

async function refreshFrame(tile) {
  const answer = await fetch(tile.dataset.frame).catch(() => null);
  if (answer?.status !== 200) return;
  const image = tile.querySelector("img");
  const url = URL.createObjectURL(await answer.blob());
  image.onload = () => URL.revokeObjectURL(url);
  image.src = url;
  image.hidden = false;
  tile.querySelector(".waiting").hidden = true;
}

function every(milliseconds, act) {
  act();
  setInterval(() => document.hidden || act(), milliseconds);
}

const plan = document.getElementById("plan");
const arrange = document.getElementById("arrange");
const list = document.querySelector("[data-tiles]");
if (plan) drawPlan(plan);
every(SILENT_MS, () => refreshStates(list));
for (const tile of list.querySelectorAll("[data-frame]")) every(2000, () => refreshFrame(tile));
every(30000, visitorChart(document.getElementById("flow")));
