// The mean loss of a few runs in one chart.
import { draw } from "./loss-chart.js";

const states = JSON.parse(document.getElementById("states").textContent);
const rounds = [...new Set(states.flatMap((state) => state.rounds.map((round) => round.number)))].sort((a, b) => a - b);
const lines = states.map((state) => ({
  label: `${state.task} #${state.id}`,
  values: rounds.map((number) => state.rounds.find((round) => round.number === number)?.loss ?? null),
}));
if (rounds.length) draw(document.getElementById("chart"), rounds, lines, false);
