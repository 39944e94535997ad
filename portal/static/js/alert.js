// The evidence of one alert: boxes drawn over the picture, each event's picture, the pin on the plan; on its own page also the keys.

import { offer, takeBack } from "./undo.js";

const SVG = "http://www.w3.org/2000/svg";

/** Draw what the markup only names; doing it twice is harmless. */
export function dress(root) {
  root.querySelectorAll("figure[data-boxes]").forEach(drawBoxes);
  for (const pin of root.querySelectorAll("[data-x][data-y]")) {
    pin.style.left = `${Number(pin.dataset.x) * 100}%`;
    pin.style.top = `${Number(pin.dataset.y) * 100}%`;
  }
  for (const button of root.querySelectorAll('[data-do="boxes"]')) button.onclick = () => toggle(button);
}

function drawBoxes(figure) {
  const image = figure.querySelector("img");
  if (!image.complete) {
    image.addEventListener("load", () => drawBoxes(figure), { once: true });
    return;
  }
  if (figure.querySelector("svg.boxes") || !image.naturalWidth) return;
  const detections = JSON.parse(figure.dataset.boxes);
  const width = Number(figure.dataset.width) || image.naturalWidth;
  const height = Number(figure.dataset.height) || image.naturalHeight;
  const drawing = make("svg", { class: "boxes", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const size = Math.max(10, height / 36);
  const written = [];
  for (const { box, kind, score } of detections.filter(({ box }) => box).sort((one, other) => other.score - one.score)) {
    const [x, y, w, h] = box;
    drawing.append(make("rect", { x, y, width: w, height: h, "stroke-width": Math.max(1.5, height / 280) }));
    const text = `${kind} ${Math.round(score * 100)} %`;
    const place = { left: x, right: x + text.length * size * 0.6, base: Math.max(size, y - size / 3) };
    // A label that would lie on another one is left out: two half-read words help nobody.
    if (written.some((other) => place.left < other.right && other.left < place.right && Math.abs(place.base - other.base) < size * 1.2)) continue;
    written.push(place);
    const label = make("text", { x, y: place.base, "font-size": size });
    label.textContent = text;
    drawing.append(label);
  }
  image.after(drawing);
}

/** What was decided about which alert, in a sentence. */
export function decidedWord({ word, alert }) {
  return document.getElementById("toast").dataset.decided.replace("{word}", word).replace("{n}", alert);
}

// One of the events of the strip: its picture, its boxes, its figures.
function showEvent(link) {
  const pane = link.closest(".alert");
  const figure = pane.querySelector("figure.picture");
  const fresh = Object.assign(new Image(), { src: link.href, alt: figure.querySelector("img").alt });
  figure.querySelector("svg.boxes")?.remove();
  figure.querySelector("img").replaceWith(fresh);
  figure.dataset.boxes = link.dataset.boxes;
  figure.querySelector("[data-picture-time]").textContent = link.dataset.time;
  figure.querySelector("[data-picture-score]").textContent = link.dataset.score;
  const event = pane.querySelector("[data-picture-event]");
  if (event) event.value = link.dataset.eventPicture;
  pane.querySelector(".strip [aria-current]")?.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  drawBoxes(figure);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-event-picture]");
  if (!link || event.ctrlKey || event.metaKey || !link.closest(".alert").querySelector("figure.picture")) return;
  event.preventDefault();
  showEvent(link);
});

function toggle(button) {
  const figure = button.closest("figure");
  const off = figure.classList.toggle("without-boxes");
  button.setAttribute("aria-pressed", String(!off));
}

function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// The keys of the watch room's pane, on a page of its own.
const keys = { a: "acknowledge", t: "real", f: "false-alarm", b: "boxes" };
addEventListener("keydown", (event) => {
  const pane = document.querySelector(".pane.is-page");
  const field = event.target.closest("input, textarea, select, dialog, video");
  if (!pane || field || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "z") takeBack();
  else if (event.key === "r") pane.querySelector('[data-do="resolve"]')?.focus();
  else if (Object.hasOwn(keys, event.key)) pane.querySelector(`[data-do="${keys[event.key]}"]`)?.click();
  else return;
  event.preventDefault();
});

dress(document);
document.body.addEventListener("htmx:afterSettle", (event) => dress(event.target));
document.body.addEventListener("decided", ({ detail }) => {
  if (document.querySelector(".pane.is-page")) offer(decidedWord(detail), [detail.alert], () => window.htmx?.ajax("GET", location.pathname, "#pane"));
});
