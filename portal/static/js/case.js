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

// Another tool's answer to the same files: its row is read again when it changes; a note being written on this page stays.
async function redrawAnswers() {
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  const list = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("answer-list");
  if (list) place("answer-list").replaceWith(document.adoptNode(list));
}

function followAnswers() {
  for (const { dataset } of document.querySelectorAll("#answer-list [data-over=no]")) {
    if (dataset.case === page.dataset.id) continue;
    let shown = "";
    const line = connect(`/ws/cases/${dataset.case}/`, {
      onMessage: ({ type, state }) => {
        if (type !== "state" || state.status === shown) return;
        shown = state.status;
        redrawAnswers();
        if (state.over) line.close();
      },
    });
  }
}

followAnswers();
if (page.dataset.over === "no") connect(`/ws/cases/${page.dataset.id}/`, { onMessage: (message) => message.type === "state" && draw(message.state) });
