// Draws the editor's shapes as SVG over the picture; sizes stay the same on the screen whatever the picture's size.

import { crossing } from "./zones-geometry.js";

const NS = "http://www.w3.org/2000/svg";
const WIDTH = 1000;

/** Give the stage the picture's proportions. */
export function place(stage, svg, state) {
  const [w, h] = state.size;
  stage.style.aspectRatio = `${w} / ${h}`;
  stage.style.maxWidth = `calc(76vh * ${w / h})`;
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${(WIDTH * h) / w}`);
  draw(svg, state);
}

/** Where a pointer is, in fractions of the picture. */
export function toFraction(svg, event) {
  const box = svg.getBoundingClientRect();
  const inside = (value) => Math.round(Math.min(1, Math.max(0, value)) * 1e4) / 1e4;
  return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
}

/** Draw everything again; the focused point keeps the focus. */
export function draw(svg, state) {
  const focused = svg.contains(document.activeElement) ? document.activeElement.dataset : null;
  const [w, h] = [WIDTH, (WIDTH * state.size[1]) / state.size[0]];
  const pixel = WIDTH / (svg.clientWidth || WIDTH);
  const at = ([x, y]) => [x * w, y * h];
  const outlines = state.shapes.map((shape, index) => group(shape, index, state, at, pixel));
  const points = state.editable ? state.shapes.map((shape, index) => handles(shape, index, state, at, pixel)) : []; // above all outlines: no shape hides another's point
  svg.replaceChildren(...outlines, ...points, ...(state.draft ? [draft(state.draft, at)] : []));
  if (focused?.shape) svg.querySelector(`[data-shape="${focused.shape}"]${focused.point ? `[data-point="${focused.point}"]` : ""}`)?.focus();
}

function group(shape, index, state, at, pixel) {
  const chosen = state.chosen === shape;
  const points = shape.points.map(at);
  const whole = make("g", { class: chosen ? "is-chosen" : "" });
  const outline = shape.type === "line" ? "polyline" : "polygon";
  whole.append(make(outline, { class: `shape ${shape.type}${shape.type !== "line" && crossing(shape.points) ? " is-crossed" : ""}`, points: points.join(" ") }));
  if (shape.type === "line") whole.append(...sides(points, pixel));
  if (state.editable) whole.append(make(outline, { class: "shape-hit", points: points.join(" "), "data-shape": index, fill: shape.type === "line" ? "none" : undefined }));
  if (shape.name) whole.append(name(shape, points, pixel));
  return whole;
}

function handles(shape, index, state, at, pixel) {
  const [chosen, points, whole] = [state.chosen === shape, shape.points.map(at), make("g", {})];
  if (chosen) whole.append(...mids(shape, index, points, pixel));
  whole.append(...points.map((point, n) => handle(shape, index, n, point, pixel, state.words, chosen)));
  return whole;
}

function handle(shape, index, n, [x, y], pixel, words, chosen) {
  const label = words.point.replace("{n}", n + 1).replace("{name}", shape.name || words.mask);
  const whole = make("g", { "data-shape": index, "data-point": n, tabindex: 0, role: "button", "aria-label": label, class: "handle" });
  whole.append(make("circle", { cx: x, cy: y, r: 20 * pixel, fill: "transparent", stroke: "none" }), make("circle", { cx: x, cy: y, r: (chosen ? 8 : 4.5) * pixel }));
  return whole;
}

function mids(shape, index, points, pixel) {
  if (shape.type === "line") return [];
  return points.map(([x, y], n) => {
    const [nx, ny] = points[(n + 1) % points.length];
    return make("circle", { class: "handle mid", cx: (x + nx) / 2, cy: (y + ny) / 2, r: 6 * pixel, "data-shape": index, "data-after": n });
  });
}

// Looking from a to b, side A is on the left: with y downwards the left normal of (dx, dy) is (dy, -dx).
function sides([[ax, ay], [bx, by]], pixel) {
  const length = Math.hypot(bx - ax, by - ay) || 1;
  const [nx, ny] = [(by - ay) / length, -(bx - ax) / length];
  const [mx, my] = [(ax + bx) / 2, (ay + by) / 2];
  const far = 26 * pixel;
  const tip = [mx - nx * far, my - ny * far];
  const [px, py] = [(bx - ax) / length, (by - ay) / length];
  const base = [mx - nx * far * 0.45, my - ny * far * 0.45];
  const wing = 7 * pixel;
  const arrow = make("polygon", { class: "arrow", points: `${tip} ${base[0] + px * wing},${base[1] + py * wing} ${base[0] - px * wing},${base[1] - py * wing}` });
  const letter = (text, way) => make("text", { class: "shape-name", x: mx + nx * way * 1.75 * far, y: my + ny * way * 1.75 * far, "font-size": 15 * pixel, "text-anchor": "middle", "dominant-baseline": "central" }, text);
  return [arrow, letter("A", 1), letter("B", -1)];
}

function name(shape, points, pixel) {
  const [x, y] = points.reduce((top, point) => (point[1] < top[1] ? point : top));
  return make("text", { class: "shape-name", x: Math.min(Math.max(x, 8 * pixel), 1000 - 80 * pixel), y: Math.max(y - 12 * pixel, 16 * pixel), "font-size": 14 * pixel }, shape.name);
}

function draft({ type, points, at: pointer }, at) {
  const all = [...points, ...(pointer ? [pointer] : [])].map(at);
  const whole = make("g", {});
  whole.append(make(type === "line" || all.length < 3 ? "polyline" : "polygon", { class: "draft", points: all.join(" ") }));
  return whole;
}

function make(tag, attributes, text) {
  const element = document.createElementNS(NS, tag);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}
