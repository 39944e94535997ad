// A case that waits or is examined: its place, its stages as the tool begins them, and the report as soon as it is there.
import { connect } from "./socket.js";

const page = document.getElementById("case");
const place = (id) => document.getElementById(id);

function draw(state) {
  if (state.over) return location.reload();
  if (place("hurry") && state.status !== "queued") place("hurry").hidden = true;
  place("label").textContent = state.label;
  place("progress").value = state.progress;
  place("step").textContent = state.step;
  const position = place("position");
  position.hidden = !state.position;
  position.textContent = position.dataset.words.replace("NUMBER", state.position ?? "");
  drawStages(state.stages);
}

// Only what is new is added, so that a screen reader reads out the new stage and nothing twice.
function drawStages(stages) {
  const list = place("stages");
  if (stages.length < list.children.length) list.replaceChildren();
  for (const words of stages.slice(list.children.length)) list.append(Object.assign(document.createElement("li"), { textContent: words }));
  for (const item of list.children) item.toggleAttribute("aria-current", item === list.lastElementChild);
  list.lastElementChild?.setAttribute("aria-current", "step");
}

if (page.dataset.over === "no") connect(`/ws/cases/${page.dataset.id}/`, { onMessage: (message) => message.type === "state" && draw(message.state) });
