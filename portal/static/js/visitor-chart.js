// How many people crossed the counting lines: today, the last day, a week or chosen days, with a table of the same numbers below.

import uPlot from "../vendor/uplot/uPlot.esm.js";

const FONT = "12px Inter, sans-serif";
const APART = 12; // pixels between two words of the axis

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const pen = document.createElement("canvas").getContext("2d");
function width(text) {
  pen.font = FONT;
  return pen.measureText(text).width;
}

// The marks that find room, the important ones first: [t, text] in order.
function fitting(flow, pixels) {
  const [from, to] = [flow.t[0], flow.t.at(-1)];
  const chosen = [];
  for (const [i, , text] of [...flow.ticks].sort((one, other) => one[1] - other[1])) {
    const x = to > from ? ((flow.t[i] - from) / (to - from)) * pixels : 0;
    const half = width(text) / 2 + APART / 2;
    if (chosen.every((each) => Math.abs(each.x - x) >= each.half + half)) chosen.push({ x, half, t: flow.t[i], text });
  }
  return chosen.sort((one, other) => one.t - other.t);
}

function fillTable(table, flow, words) {
  table.hidden = !flow.lines.length;
  table.tBodies[0].replaceChildren(...flow.lines.map(({ camera, line, totals, demo }) => {
    const row = document.createElement("tr");
    for (const [i, value] of [`${line} · ${camera}`, ...totals].entries()) {
      const cell = Object.assign(document.createElement("td"), { textContent: typeof value === "number" ? value.toLocaleString(document.documentElement.lang) : value, className: i ? "num" : "" });
      if (i && demo[i - 1]) cell.append(" ", Object.assign(document.createElement("small"), { className: "soft", textContent: words.ofdemo.replace("{n}", demo[i - 1].toLocaleString(document.documentElement.lang)) }));
      row.append(cell);
    }
    return row;
  }));
}

/** Draw into `place` (data-flow: the address); returns what asks for the newest figures. */
export function visitorChart(place) {
  const words = document.getElementById("words").dataset;
  const by = (id) => document.getElementById(id);
  const form = by("flow-range");
  let [chart, flow, asked] = [null, null, new URLSearchParams({ range: "24h" })];

  function draw() {
    const strokes = [colour("--accent"), colour("--warning"), colour("--ok"), colour("--ink-soft")]; // never the red of an alarm
    const series = flow.lines.flatMap(({ line, totals }, i) => [[words.inside, []], [words.outside, [6, 4]]].map(([way, dash], n) => (
      { label: `${line}, ${way} (${totals[n].toLocaleString(document.documentElement.lang)})`, stroke: strokes[i % strokes.length], width: 2, dash, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } })));
    const axis = { stroke: colour("--ink-soft"), font: FONT, grid: { stroke: colour("--rule"), width: 1 }, ticks: { stroke: colour("--rule"), width: 1 } };
    let marks = [];
    const time = { ...axis, splits: (u) => (marks = fitting(flow, u.bbox.width / devicePixelRatio || place.clientWidth)).map(({ t }) => t), values: () => marks.map(({ text }) => text) };
    const shade = (u) => {
      if (!flow.demo) return;
      const end = Math.min(u.valToPos(flow.demo.until, "x", true), u.bbox.left + u.bbox.width);
      if (end <= u.bbox.left) return;
      u.ctx.save();
      u.ctx.globalAlpha = 0.5;
      u.ctx.fillStyle = colour("--sunk");
      u.ctx.fillRect(u.bbox.left, u.bbox.top, end - u.bbox.left, u.bbox.height);
      u.ctx.restore();
    };
    const options = {
      ...size(),
      hooks: { drawClear: [shade] },
      series: [{ label: words.time, value: (u, t, n, i) => flow.labels[i] ?? "–" }, ...series],
      axes: [time, { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000], size: 48 }],
      scales: { y: { range: (u, low, high) => [0, Math.max(4, Math.ceil((high || 0) * 1.1))] } },
    };
    chart?.destroy();
    chart = new uPlot(options, [flow.t, ...flow.lines.flatMap(({ a_to_b, b_to_a }) => [a_to_b, b_to_a])], place);
  }

  function size() {
    return { width: place.clientWidth, height: 240 };
  }

  function say(node, text) {
    node.textContent = text;
    node.hidden = !text;
  }

  function show() {
    say(by("flow-problem"), "");
    say(by("flow-demo"), flow.demo ? words.demo.replace("{n}", flow.demo.n.toLocaleString(document.documentElement.lang)).replace("{t}", flow.demo.label) : "");
    say(by("flow-note"), flow.note);
    by("no-flow").hidden = flow.lines.length > 0;
    fillTable(by("flow-table"), flow, words);
    if (flow.lines.length) return draw();
    chart?.destroy();
    chart = null;
  }

  async function refresh() {
    const sent = asked;
    const answer = await fetch(`${place.dataset.flow}?${sent}`).catch(() => null);
    if (sent !== asked || !answer?.headers.get("Content-Type")?.includes("json")) return;
    const read = await answer.json();
    if (sent !== asked) return;
    if (!answer.ok) return say(by("flow-problem"), read.error ?? "");
    flow = read;
    show();
  }

  form.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-range]");
    if (!button) return;
    for (const each of form.querySelectorAll("[data-range]")) each.setAttribute("aria-pressed", String(each === button));
    by("flow-days").hidden = button.dataset.range !== "days";
    if (button.dataset.range === "days") return by("flow-from").focus();
    asked = new URLSearchParams({ range: button.dataset.range });
    refresh();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    asked = new URLSearchParams({ range: "days", from: by("flow-from").value, to: by("flow-to").value });
    refresh();
  });
  new ResizeObserver(() => chart?.setSize(size())).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => flow && show());
  return refresh;
}
