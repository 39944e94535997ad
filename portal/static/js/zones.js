// The zone editor: zones, counting lines and privacy masks drawn on the camera's picture with mouse, finger or keys.
// Points are fractions of the picture. Nothing is kept until "Save"; the portal checks everything again.

import { draw, place, toFraction } from "./zones-drawing.js";
import { crossing } from "./zones-geometry.js";
import { listShapes, listCameraRules } from "./zones-panel.js";

const words = document.getElementById("words").dataset;
const given = JSON.parse(document.getElementById("watching").textContent);
const editor = document.getElementById("editor");
const stage = document.getElementById("stage");
const svg = document.getElementById("drawing");
const hint = document.getElementById("hint");
const saveButton = document.getElementById("save");
const undoButton = document.getElementById("undo");
const STEP = 0.01;
const CLOSE_PX = 16;

const state = { shapes: [], camera: {}, chosen: null, draft: null, editable: given.editable, kinds: given.kinds, words, size: given.size, version: given.version, dirty: false };

function open() {
  const shape = (type, name, points) => ({ type, name, points: points.map((point) => [...point]), rules: {} });
  state.shapes = [
    ...given.zones.map((zone) => shape("zone", zone.name, zone.polygon)),
    ...given.lines.map((line) => shape("line", line.name, [line.a, line.b])),
    ...given.masks.map((mask) => shape("mask", "", mask)),
  ];
  state.camera = {};
  for (const { kind, zone, line, ...numbers } of given.rules) {
    const owner = zone ? find("zone", zone) : line ? find("line", line) : null;
    (owner ? owner.rules : state.camera)[kind] = numbers;
  }
  state.chosen = state.draft = null;
  state.dirty = false;
}

const find = (type, name) => state.shapes.find((shape) => shape.type === type && shape.name === name);

function show({ panels = true } = {}) {
  draw(svg, state);
  if (panels) {
    for (const type of ["zone", "line", "mask"]) listShapes(document.getElementById(`${type}s`), type, state, act);
    listCameraRules(document.getElementById("camera-rules"), state, act);
  }
  if (saveButton) saveButton.disabled = undoButton.disabled = !state.dirty;
  for (const button of document.querySelectorAll("[data-add]")) button.setAttribute("aria-pressed", String(state.draft?.type === button.dataset.add));
}

// What the panels may do to the document.
const act = {
  choose: (shape) => { if (state.chosen !== shape) { state.chosen = shape; show(); } },
  change: (options) => { touched(); show(options); },
  remove: (shape) => { state.shapes = state.shapes.filter((each) => each !== shape); state.chosen = null; touched(); show(); },
};

function touched() {
  state.dirty = true;
  document.getElementById("saved").textContent = words.unsaved;
}

function freshName(type) {
  const word = words[type];
  for (let n = 1; ; n++) if (!find(type, `${word} ${n}`)) return `${word} ${n}`;
}

function add(type, points) {
  const shape = { type, name: type === "mask" ? "" : freshName(type), points, rules: type === "line" ? { line_crossed: {} } : {} };
  state.shapes.push(shape);
  state.chosen = shape;
  state.draft = null;
  hint.textContent = "";
  svg.classList.remove("is-drawing");
  touched();
  show();
  document.querySelector(".shapes .is-chosen input[type=text]")?.select();
}

function begin(type) {
  state.draft = state.draft?.type === type ? null : { type, points: [], at: null };
  hint.textContent = state.draft ? words[`draw${type}`] : "";
  svg.classList.toggle("is-drawing", Boolean(state.draft));
  show({ panels: false });
}

function finish() {
  const { type, points } = state.draft;
  const middle = type === "line" ? [[0.35, 0.5], [0.65, 0.5]] : [[0.35, 0.35], [0.65, 0.35], [0.65, 0.65], [0.35, 0.65]];
  if (!points.length) return add(type, middle);
  if (points.length >= (type === "line" ? 2 : 3)) add(type, points);
}

function drawPoint(event) {
  const { type, points } = state.draft;
  const point = toFraction(svg, event);
  const box = svg.getBoundingClientRect();
  const near = points.length > 2 && Math.hypot((points[0][0] - point[0]) * box.width, (points[0][1] - point[1]) * box.height) < CLOSE_PX;
  if (near) return finish();
  points.push(point);
  if (type === "line" && points.length === 2) return finish();
  show({ panels: false });
}

let drag = null;

svg.addEventListener("pointerdown", (event) => {
  if (!state.editable || event.button) return;
  if (state.draft) return drawPoint(event);
  const target = event.target.closest("[data-shape]");
  if (!target) return act.choose(null);
  const shape = state.shapes[target.dataset.shape];
  event.preventDefault();
  let point = target.dataset.point === undefined ? null : Number(target.dataset.point);
  if (target.dataset.after !== undefined) {
    point = Number(target.dataset.after) + 1;
    shape.points.splice(point, 0, toFraction(svg, event));
  }
  drag = { shape, point, from: toFraction(svg, event), before: shape.points.map((each) => [...each]), moved: false };
  svg.setPointerCapture(event.pointerId);
  act.choose(shape);
});

svg.addEventListener("pointermove", (event) => {
  if (state.draft) {
    state.draft.at = toFraction(svg, event);
    return draw(svg, state);
  }
  if (!drag) return;
  const [x, y] = toFraction(svg, event);
  drag.moved = true;
  if (drag.point !== null) drag.shape.points[drag.point] = [x, y];
  else shift(drag.shape, drag.before, x - drag.from[0], y - drag.from[1]);
  draw(svg, state);
});

for (const name of ["pointerup", "pointercancel"]) {
  svg.addEventListener(name, () => {
    if (drag?.moved) act.change();
    drag = null;
  });
}

// A whole shape moves as far as all its points stay in the picture.
function shift(shape, from, dx, dy) {
  const limit = (axis, by) => Math.max(-Math.min(...from.map((p) => p[axis])), Math.min(1 - Math.max(...from.map((p) => p[axis])), by));
  const [x, y] = [limit(0, dx), limit(1, dy)];
  shape.points = from.map((point) => [point[0] + x, point[1] + y]);
}

svg.addEventListener("keydown", (event) => {
  const target = event.target.closest("[data-shape]");
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (!target || !state.editable) return;
  const shape = state.shapes[target.dataset.shape];
  const point = target.dataset.point === undefined ? null : Number(target.dataset.point);
  if (arrows[event.key]) {
    const step = (event.shiftKey ? 5 : 1) * STEP;
    const [dx, dy] = arrows[event.key].map((way) => way * step);
    if (point === null) shift(shape, shape.points, dx, dy);
    else shape.points[point] = shape.points[point].map((value, axis) => Math.min(1, Math.max(0, value + (axis ? dy : dx))));
  } else if (event.key === "Delete" || event.key === "Backspace") {
    if (point === null || shape.points.length <= (shape.type === "line" ? 2 : 3)) return;
    shape.points.splice(point, 1);
  } else return;
  event.preventDefault();
  state.chosen = shape;
  act.change({ panels: false });
  svg.querySelector(`[data-shape="${target.dataset.shape}"][data-point="${Math.min(point ?? 0, shape.points.length - 1)}"]`)?.focus();
});

document.addEventListener("keydown", (event) => {
  if (!state.draft) return;
  if (event.key === "Escape") begin(state.draft.type);
  if (event.key === "Enter") {
    event.preventDefault();
    finish();
  }
});

for (const button of document.querySelectorAll("[data-add]")) button.addEventListener("click", () => begin(button.dataset.add));
undoButton?.addEventListener("click", () => { open(); problem(""); document.getElementById("saved").textContent = words.version.replace("{n}", state.version); show(); });
saveButton?.addEventListener("click", save);
addEventListener("beforeunload", (event) => { if (state.dirty) event.preventDefault(); });

function read() {
  const of = (type) => state.shapes.filter((shape) => shape.type === type);
  const rules = state.shapes.flatMap((shape) => Object.entries(shape.rules).map(([kind, numbers]) => ({ kind, [shape.type]: shape.name, ...numbers })));
  return {
    version: state.version,
    zones: of("zone").map(({ name, points }) => ({ name, polygon: points })),
    lines: of("line").map(({ name, points: [a, b] }) => ({ name, a, b })),
    masks: of("mask").map(({ points }) => points),
    rules: [...rules, ...Object.entries(state.camera).map(([kind, numbers]) => ({ kind, ...numbers }))],
  };
}

// Which version the agent watches with: asked for again every few seconds, for whoever saved wants to be sure.
async function refreshState() {
  const answer = document.hidden ? null : await fetch(editor.dataset.state, { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) return;
  const { label, style, agent, agent_version: held } = await answer.json();
  const place = document.getElementById("agent-has");
  const text = !agent ? "" : (held === state.version ? words.has : words.waits).replace("{n}", state.version);
  if (place.textContent !== text) place.textContent = text;
  place.className = `state-word ${agent && held === state.version ? "is-ok" : ""}`;
  const word = document.getElementById("state");
  if (word.textContent !== label) word.textContent = label;
  word.className = `state-word ${style}`;
}

async function save() {
  const crossed = state.shapes.find((shape) => shape.type !== "line" && crossing(shape.points));
  if (crossed) {
    act.choose(crossed);
    return problem(`${crossed.name || words.mask}: ${words.crossed}`);
  }
  saveButton.disabled = true;
  const sent = read();
  const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  const options = { method: "POST", headers: { "Content-Type": "application/json", "X-CSRFToken": token }, body: JSON.stringify(sent) };
  const answer = await fetch(editor.dataset.save, options).catch(() => null);
  const said = answer?.headers.get("Content-Type")?.includes("json") ? await answer.json() : {};
  saveButton.disabled = false;
  if (!answer?.ok) return problem(said.error ?? words.unreachable);
  problem("");
  Object.assign(given, sent, { version: said.version });
  state.version = said.version;
  state.dirty = false;
  document.getElementById("saved").textContent = words.saved.replace("{n}", said.version);
  show();
  refreshState();
}

function problem(text) {
  const notice = document.getElementById("save-problem");
  notice.textContent = text;
  notice.hidden = !text;
  if (text) notice.scrollIntoView({ block: "nearest" });
}

async function refreshStill() {
  const answer = document.hidden ? null : await fetch(editor.dataset.frame).catch(() => null);
  if (answer?.status !== 200) return;
  const still = document.getElementById("still");
  const url = URL.createObjectURL(await answer.blob());
  still.onload = () => {
    URL.revokeObjectURL(url);
    state.size = [still.naturalWidth, still.naturalHeight];
    place(stage, svg, state);
  };
  still.src = url;
  still.hidden = false;
  document.getElementById("no-still").hidden = true;
}

open();
place(stage, svg, state);
show();
new ResizeObserver(() => draw(svg, state)).observe(stage);
refreshStill();
setInterval(refreshStill, 2000);
refreshState();
setInterval(refreshState, 3000);
