// The live page of a run: draws the whole state again whenever a newer one arrives.
import { connect } from "./socket.js";
import { draw as drawLosses } from "./loss-chart.js";
import { draw as drawVoteComparison } from "./vote-comparison.js";

const page = document.getElementById("run");
const words = document.getElementById("words").dataset;
const at = (id) => document.getElementById(id);
const number = new Intl.NumberFormat(document.documentElement.lang, { maximumSignificantDigits: 4 });
let chart = null;

function bytes(count) {
  return count >= 1e6 ? `${number.format(count / 1e6)} MB` : `${number.format(count / 1e3)} kB`;
}

function cell(row, text, kind) {
  const made = row.insertCell();
  made.textContent = text ?? "–";
  if (kind) made.className = kind;
  return made;
}

function drawRows(rounds) {
  if (!rounds.length) return;
  const body = at("rows");
  body.replaceChildren();
  for (const round of [...rounds].reverse()) {
    for (const site of round.sites) {
      const row = body.insertRow();
      cell(row, round.number, "num");
      const name = cell(row, site.name);
      const place = document.createElement("small");
      place.className = "place muted";
      place.textContent = site.site;
      name.append(place);
      const badge = document.createElement("span");
      badge.className = "state-word";
      badge.dataset.status = site.status;
      badge.textContent = words[site.status] ?? site.status;
      cell(row, "").replaceChildren(badge);
      for (const value of [site.samples, site.loss, site.update_norm, site.cosine]) cell(row, value == null ? null : number.format(value), "num");
      cell(row, bytes(site.bytes_down), "num");
      cell(row, bytes(site.bytes_up), "num");
      cell(row, number.format(round.seconds), "num");
      cell(row, site.reason || "");
    }
  }
}

function drawChart(rounds) {
  const done = rounds.filter((round) => round.loss != null);
  at("chart-empty").hidden = done.length > 0;
  if (!done.length) return;
  const found = new Map(done.flatMap((round) => round.sites.map((site) => [site.node, site.name])));
  const line = (node) => done.map((round) => round.sites.find((site) => site.node === node)?.loss ?? null);
  const lines = [{ label: words.mean, values: done.map((round) => round.loss) }, ...[...found].map(([node, label]) => ({ label, values: line(node) }))];
  const numbers = done.map((round) => round.number);
  if (chart && chart.series.length === lines.length + 1) return chart.setData([numbers, ...lines.map(({ values }) => values)]);
  chart?.destroy();
  chart = drawLosses(at("chart"), numbers, lines);
}

function paragraph(text, kind) {
  const made = document.createElement("p");
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function drawGate(gate) {
  if (gate.passed === undefined) return;
  const parts = gate.passed ? [paragraph(words.passed, "notice success")] : [paragraph(words.refused, "notice is-problem"), ...gate.reasons.map((reason) => paragraph(reason))];
  if (gate.warnings?.length) parts.push(paragraph(words.warned, "notice is-warning"));
  if (gate.root) parts.push(paragraph(`${words.root}: ${words.before} ${number.format(gate.root.before)}, ${words.after} ${number.format(gate.root.after)}`));
  at("gate").replaceChildren(...parts);
}

function drawModel(model) {
  at("model").hidden = !model;
  if (!model) return;
  at("model-name").textContent = `${model.detector} ${model.version}`;
  at("model-state").textContent = model.label;
  at("model-state").dataset.status = model.state;
  at("model-sha").textContent = model.sha256;
  at("model-link").href = model.url;
  const form = at("publish");
  if (form) {
    form.action = form.dataset.action.replace("/0/", `/${model.id}/`);
    form.hidden = model.state === "published";
  }
}

function draw(state) {
  at("status").textContent = state.label;
  at("status").dataset.status = state.status;
  const queued = state.ahead ? words.ahead.replace("{n}", state.ahead) : "";
  const reason = state.reason || (state.note ? words.waiting.replace("{n}", state.note) : queued);
  at("reason").textContent = reason;
  at("reason").hidden = !reason;
  at("reason").classList.toggle("is-problem", state.status === "failed");
  const last = state.rounds.at(-1);
  at("round").textContent = last?.number ?? 0;
  at("progress").value = last?.number ?? 0;
  if (at("epsilon") && state.privacy?.epsilon != null) at("epsilon").textContent = number.format(state.privacy.epsilon);
  if (last) {
    const sum = (name) => state.rounds.flatMap((round) => round.sites).reduce((total, site) => total + site[name], 0);
    at("loss").textContent = last.loss == null ? "–" : number.format(last.loss);
    at("sites").textContent = `${last.sites.filter((site) => site.status === "accepted").length} / ${last.sites.length}`;
    at("down").textContent = bytes(sum("bytes_down"));
    at("up").textContent = bytes(sum("bytes_up"));
    at("seconds").textContent = number.format(last.seconds);
  }
  drawRows(state.rounds);
  drawChart(state.rounds);
  drawGate(state.gate ?? {});
  drawVoteComparison(state.three, words, number);
  drawModel(state.model);
  if (at("stop")) at("stop").hidden = state.over;
  if (at("resume")) {
    at("resume").hidden = !state.checkpoint;
    at("resume").querySelector("button").textContent = words.resume.replace("{n}", state.checkpoint);
  }
}

draw(JSON.parse(at("state").textContent));
connect(`/ws/runs/${page.dataset.id}/`, { onMessage: (message) => message.type === "state" && draw(message.state) });
