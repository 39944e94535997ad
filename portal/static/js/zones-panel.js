// The lists beside the picture: names of zones, lines and masks, and what is watched for in each.

/** One entry for each shape of a type. */
export function listShapes(list, type, state, act) {
  const shapes = state.shapes.filter((shape) => shape.type === type);
  if (list.contains(document.activeElement) && document.activeElement.matches("input[type=text], input[type=number]") && list.children.length === shapes.length) return mark(list, shapes, state);
  list.replaceChildren(...(shapes.length ? shapes.map((shape, n) => entry(shape, n, state, act)) : [element("li", { className: "soft", textContent: state.words.none })]));
  mark(list, shapes, state);
}

/** The rules about the whole picture. */
export function listCameraRules(place, state, act) {
  place.replaceChildren(...rulesOf("camera", state.camera, state, act));
}

function mark(list, shapes, state) {
  for (const [n, shape] of shapes.entries()) list.children[n].classList.toggle("is-chosen", shape === state.chosen);
}

function entry(shape, n, state, act) {
  const item = element("li", {});
  const head = element("div", { className: "shape-head" });
  if (shape.type === "mask") head.append(element("span", { textContent: `${state.words.mask} ${n + 1}` }));
  else {
    const input = element("input", { type: "text", value: shape.name, maxLength: 60, disabled: !state.editable });
    input.setAttribute("aria-label", state.words.name);
    input.addEventListener("input", () => { shape.name = input.value; act.change(); });
    input.addEventListener("focus", () => act.choose(shape));
    head.append(input);
  }
  if (state.editable && shape.type === "line") head.append(button(state.words.turn, () => { shape.points.reverse(); act.change(); }));
  if (state.editable) head.append(button(state.words.remove, () => act.remove(shape)));
  item.append(head, ...(shape.type === "mask" ? [] : rulesOf(shape.type, shape.rules, state, act)));
  item.addEventListener("pointerdown", (event) => { if (!event.target.closest("button, input, label")) act.choose(shape); });
  return item;
}

function rulesOf(about, rules, state, act) {
  return state.kinds.filter((kind) => kind.about === about).map((kind) => {
    const row = element("div", { className: "rule" });
    const label = element("label", {});
    const box = element("input", { type: "checkbox", checked: kind.kind in rules, disabled: !state.editable });
    label.append(box, kind.label);
    const numbers = kind.numbers.map((number) => field(kind, number, rules, state, act));
    box.addEventListener("change", () => {
      if (box.checked) rules[kind.kind] = Object.fromEntries(kind.numbers.map((number) => [number.name, number.default]));
      else delete rules[kind.kind];
      act.change();
    });
    row.append(label, ...(kind.kind in rules ? numbers : []));
    return row;
  });
}

function field(kind, number, rules, state, act) {
  const label = element("label", { className: "number", textContent: number.label });
  const input = element("input", { type: "number", min: number.least, max: number.most, step: number.step, value: rules[kind.kind]?.[number.name] ?? number.default, disabled: !state.editable });
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
