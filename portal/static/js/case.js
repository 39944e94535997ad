// A case that is still examined: live progress, and the report as soon as it is there.
import { connect } from "./socket.js";

const page = document.getElementById("case");

function draw(state) {
  if (state.over) return location.reload();
  document.getElementById("label").textContent = state.label;
  document.getElementById("progress").value = state.progress;
  document.getElementById("step").textContent = state.step || "…";
}

if (page.dataset.over === "no") connect(`/ws/cases/${page.dataset.id}/`, { onMessage: (message) => message.type === "state" && draw(message.state) });
