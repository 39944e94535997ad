// The live page of a run: draws the whole state again whenever a newer one arrives.
import { connect } from "./socket.js";
import uPlot from "../vendor/uplot/uPlot.esm.js";

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
      for (const value of [site.samples, site.loss, site.update_norm]) cell(row, value == null ? null : number.format(value), "num");
      cell(row, bytes(site.bytes_up), "num");
      cell(row, site.reason || "");
    }
  }
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim() || "#1f6b5e";
}

function drawChart(rounds) {
  const done = rounds.filter((round) => round.loss != null);
  at("chart-empty").hidden = done.length > 0;
  if (!done.length) return;
  const found = new Map(done.flatMap((round) => round.sites.map((site) => [site.node, site.name])));
  const names = [...found.values()];
  const line = (node) => done.map((round) => round.sites.find((site) => site.node === node)?.loss ?? null);
  const data = [done.map((round) => round.number), done.map((round) => round.loss), ...[...found.keys()].map(line)];
  if (chart && chart.series.length === data.length) return chart.setData(data);
  chart?.destroy();
  const axis = { stroke: colour("--ink-soft"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { show: false } };
  const tones = ["#b5762a", "#5b7fa6", "#8a5a83", "#6f7f3f", "#a3361f"];
  const options = {
    width: at("chart").clientWidth, height: 240, scales: { x: { time: false, range: (_, low, high) => [low - 0.5, high + 0.5] } },
    axes: [{ ...axis, values: (_, marks) => marks.map((mark) => (Number.isInteger(mark) ? mark : "")) }, { ...axis, size: 64 }],
    series: [{}, { label: words.mean, stroke: colour("--accent"), width: 3, points: { size: 7 } },
      ...names.map((name, n) => ({ label: name, stroke: tones[n % tones.length], width: 1.5, dash: [5, 4], points: { size: 5 } }))],
  };
  chart = new uPlot(options, data, at("chart"));
}

function paragraph(text, kind) {
  const made = document.createElement("p");
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function drawGate(gate, names) {
  if (gate.passed === undefined) return;
  const parts = gate.passed ? [paragraph(words.passed, "notice success")] : [paragraph(words.refused, "notice is-problem"), ...gate.reasons.map((reason) => paragraph(reason))];
  if (gate.votes?.length) {
    const list = document.createElement("ul");
    for (const vote of gate.votes) {
      const item = document.createElement("li");
      item.textContent = `${names.get(String(vote.node)) ?? vote.node}: ${words.before} ${vote.before == null ? "–" : number.format(vote.before)}, ${words.after} ${number.format(vote.after)}`;
      list.append(item);
    }
    parts.push(paragraph(words.heldback, "muted"), list);
  }
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
  const told = state.reason || (state.note ? words.waiting.replace("{n}", state.note) : "");
  at("reason").textContent = told;
  at("reason").hidden = !told;
  const last = state.rounds.at(-1);
  at("round").textContent = last?.number ?? 0;
  at("progress").value = last?.number ?? 0;
  if (last) {
    const sum = (name) => state.rounds.flatMap((round) => round.sites).reduce((total, site) => total + site[name], 0);
    at("loss").textContent = last.loss == null ? "–" : number.format(last.loss);
    at("sites").textContent = `${last.sites.filter((site) => site.status === "accepted").length} / ${last.sites.length}`;
    at("down").textContent = bytes(sum("bytes_down"));
    at("up").textContent = bytes(sum("bytes_up"));
    at("seconds").textContent = number.format(last.seconds);
  }
  const names = new Map(state.rounds.flatMap((round) => round.sites.map((site) => [site.node, site.name])));
  drawRows(state.rounds);
  drawChart(state.rounds);
  drawGate(state.gate ?? {}, names);
  drawModel(state.model);
  if (at("stop")) at("stop").hidden = state.over;
}

draw(JSON.parse(at("state").textContent));
addEventListener("resize", () => chart?.setSize({ width: at("chart").clientWidth, height: 240 }));
connect(`/ws/runs/${page.dataset.id}/`, { onMessage: (message) => message.type === "state" && draw(message.state) });
