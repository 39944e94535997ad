// The lists beside the picture: names of zones, lines and masks, and what is watched for in each. Whoever ticks with the keyboard keeps the focus.

import { crossing, untangled } from "./zones-geometry.js";

/** One entry for each shape of a type. */
export function listShapes(list, type, state, act) {
  const shapes = state.shapes.filter((shape) => shape.type === type);
  if (list.contains(document.activeElement) && document.activeElement.matches("input[type=text], input[type=number]") && list.children.length === shapes.length) return mark(list, shapes, state);
  replaced(list, ...(shapes.length ? shapes.map((shape, n) => entry(shape, n, state, act)) : [element("li", { className: "soft", textContent: state.words.none })]));
  mark(list, shapes, state);
}

/** The rules about the whole picture. */
export function listCameraRules(place, state, act) {
  replaced(place, ...rulesOf("camera", state.camera, state, act, "camera"));
}

// New children, and the focus where it was: on the control with the same key.
function replaced(place, ...children) {
  const key = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  place.replaceChildren(...children);
  if (key) place.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

function mark(list, shapes, state) {
  for (const [n, shape] of shapes.entries()) {
    list.children[n].classList.toggle("is-chosen", shape === state.chosen);
    advise(list.children[n].querySelector(".advice"), shape, state);
  }
}

function entry(shape, n, state, act) {
  const item = element("li", {});
  const head = element("div", { className: "shape-head" });
  if (shape.type === "mask") head.append(element("span", { textContent: `${state.words.mask} ${n + 1}` }));
  else {
    const input = element("input", { type: "text", value: shape.name, maxLength: 60, disabled: !state.editable });
    input.setAttribute("aria-label", state.words.name);
    input.dataset.key = `${shape.type} ${n} name`;
    input.addEventListener("input", () => { shape.name = input.value; act.change(); });
    input.addEventListener("focus", () => act.choose(shape));
    head.append(input);
  }
  if (state.editable && shape.type === "line") head.append(button(state.words.turn, () => { shape.points.reverse(); act.change(); }));
  if (state.editable) head.append(button(state.words.remove, () => act.remove(shape)));
  const advice = element("p", { className: "advice", hidden: true });
  item.append(head, advice, ...(shape.type === "mask" ? [] : rulesOf(shape.type, shape.rules, state, act, `${shape.type} ${n}`)));
  if (state.editable && shape.type !== "line") advice.addEventListener("click", (event) => {
    if (!event.target.closest("button")) return;
    shape.points = untangled(shape.points);
    act.choose(shape);
    act.change();
  });
  item.addEventListener("pointerdown", (event) => { if (!event.target.closest("button, input, label")) act.choose(shape); });
  return item;
}

// What a shape lacks: edges that cross each other enclose nothing that anybody meant; a zone without a rule is watched for nothing.
function advise(place, shape, state) {
  const crossed = shape.type !== "line" && crossing(shape.points);
  const text = crossed ? state.words.crossed : shape.type === "zone" && !Object.keys(shape.rules).length ? state.words.unused : "";
  if (place.dataset.text === text) return;
  place.dataset.text = text;
  place.hidden = !text;
  place.classList.toggle("is-problem", Boolean(crossed));
  place.replaceChildren(text, ...(crossed && state.editable ? [" ", element("button", { type: "button", className: "quiet", textContent: state.words.untangle })] : []));
}

function rulesOf(about, rules, state, act, owner) {
  return state.kinds.filter((kind) => kind.about === about).map((kind) => {
    const row = element("div", { className: "rule" });
    const label = element("label", {});
    const box = element("input", { type: "checkbox", checked: kind.kind in rules, disabled: !state.editable });
    box.dataset.key = `${owner} ${kind.kind}`;
    label.append(box, kind.label);
    const numbers = [...kind.numbers.map((number) => field(kind, number, rules, state, act, owner)), severity(kind, rules, state, act, owner)];
    box.addEventListener("change", () => {
      if (box.checked) rules[kind.kind] = { ...Object.fromEntries(kind.numbers.map((number) => [number.name, number.default])), severity: kind.severity };
      else delete rules[kind.kind];
      act.change();
    });
    const help = kind.help ? [element("p", { className: "rule-help", id: `${owner}-${kind.kind}-help`.replaceAll(" ", "-"), textContent: kind.help })] : [];
    if (help.length) box.setAttribute("aria-describedby", help[0].id);
    row.append(label, ...help, ...(kind.kind in rules ? numbers : []));
    return row;
  });
}

function severity(kind, rules, state, act, owner) {
  const label = element("label", { className: "number", textContent: state.words.severity });
  const select = element("select", { disabled: !state.editable });
  for (const level of [1, 2, 3]) select.append(element("option", { value: level, textContent: state.words[`severity${level}`], selected: level === (rules[kind.kind]?.severity ?? kind.severity) }));
  select.dataset.key = `${owner} ${kind.kind} severity`;
  select.addEventListener("change", () => {
    rules[kind.kind].severity = Number(select.value);
    act.change({ panels: false });
  });
  label.append(select);
  return label;
}

function field(kind, number, rules, state, act, owner) {
  const label = element("label", { className: "number", textContent: number.label });
  const input = element("input", { type: "number", min: number.least, max: number.most, step: number.step, value: rules[kind.kind]?.[number.name] ?? number.default, disabled: !state.editable });
  input.dataset.key = `${owner} ${kind.kind} ${number.name}`;
  input.addEventListener("input", () => {
    rules[kind.kind][number.name] = input.value === "" ? null : Number(input.value);
    act.change({ panels: false });
  });
  label.append(input);
  return label;
}

function button(text, pressed) {
  const made = element("button", { type: "button", className: "quiet", textContent: text });
  made.addEventListener("click", pressed);
  return made;
}

function element(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}
