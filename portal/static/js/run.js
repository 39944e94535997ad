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

function filled(text, comparison) {
  return text.replace("{n}", comparison.alone_better).replace("{all}", comparison.of);
}

function drawGate(gate, comparison) {
  if (gate.passed === undefined) return;
  const amber = gate.passed && comparison?.most_alone;
  const passed = amber ? paragraph(filled(words.amber, comparison), "notice is-warning") : paragraph(words.passed, "notice success");
  const parts = gate.passed ? [passed] : [paragraph(words.refused, "notice is-problem"), ...gate.reasons.map((reason) => paragraph(reason))];
  if (gate.warnings?.length && !amber) parts.push(paragraph(words.warned, "notice is-warning"));
  if (gate.root) parts.push(paragraph(`${words.root}: ${words.before} ${number.format(gate.root.before)}, ${words.after} ${number.format(gate.root.after)}`));
  at("gate").replaceChildren(...parts);
  at("gate").dataset.gate = amber ? "amber" : gate.passed ? "green" : "red";
}

function duration(seconds) {
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

let now = null;

// The seconds go on between two messages, so that nobody wonders whether anything still happens.
function tick() {
  if (!now) return;
  const passed = Math.max(0, Math.round(Date.now() / 1000 - now.since));
  at("activity-seconds").textContent = words.seconds.replace("{n}", passed);
  const left = now.left == null ? null : Math.max(0, Math.round(now.left - (Date.now() - now.read) / 1000));
  at("activity-left").textContent = left == null ? words.noleft : words.left.replace("{n}", duration(left));
}

function drawActivity(activity) {
  now = activity && { ...activity, read: Date.now() };
  at("activity").hidden = !now;
  if (!now) return;
  at("activity-title").textContent = now.title;
  at("activity-nodes").replaceChildren(...now.nodes.map((node) => {
    const line = document.createElement("li");
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = node.share;
    bar.setAttribute("aria-label", node.name);
    const name = document.createElement("strong");
    name.textContent = node.name;
    line.append(name, ` ${node.state}`, bar);
    line.classList.toggle("is-done", node.answered);
    return line;
  }));
  tick();
}

setInterval(tick, 1000);

function drawModel(model, comparison) {
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
    const amber = Boolean(comparison?.most_alone);
    const first = at("try-first");
    first.href = model.url;
    at("may-try").hidden = model.state !== "candidate";
    first.hidden = !amber || !["candidate", "retired", "rolled back"].includes(model.state);
    form.querySelector("button").classList.toggle("quiet", amber);
    if (amber) form.dataset.ask = filled(words.ask, comparison);
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
  const within = state.activity?.phase === "round" ? state.activity.nodes.reduce((sum, node) => sum + node.share, 0) / state.activity.nodes.length : 0;
  at("progress").value = (last?.number ?? 0) + (within || 0);
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
  drawActivity(state.activity);
  drawGate(state.gate ?? {}, state.three);
  drawVoteComparison(state.three, words, number);
  drawModel(state.model, state.three);
  if (at("stop")) at("stop").hidden = state.over;
  if (at("resume")) {
    at("resume").hidden = !state.checkpoint;
    at("resume").querySelector("button").textContent = words.resume.replace("{n}", state.checkpoint);
  }
}

draw(JSON.parse(at("state").textContent));
connect(`/ws/runs/${page.dataset.id}/`, { onMessage: (message) => message.type === "state" && draw(message.state) });
