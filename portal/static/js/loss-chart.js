// Losses by round as lines: the first series is the one that counts, the others are dashed.
import uPlot from "../vendor/uplot/uPlot.esm.js";

const TONES = ["#b5762a", "#5b7fa6", "#8a5a83", "#6f7f3f", "#a3361f"];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim() || "#1f6b5e";
}

// `lines` is [{label, values}], `rounds` the numbers on the x axis; returns the chart.
export function draw(place, rounds, lines, main = true) {
  const axis = { stroke: colour("--ink-soft"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { show: false } };
  const series = lines.map(({ label }, n) =>
    main && n === 0
      ? { label, stroke: colour("--accent"), width: 3, points: { size: 7 } }
      : { label, stroke: TONES[(n - (main ? 1 : 0)) % TONES.length], width: main ? 1.5 : 2.5, dash: main ? [5, 4] : undefined, points: { size: 5 } });
  const options = {
    width: place.clientWidth, height: 240, scales: { x: { time: false, range: (_, low, high) => [low - 0.5, high + 0.5] } },
    axes: [{ ...axis, incrs: [1, 2, 5, 10, 25], values: (shown, marks) => marks.map((mark) => (shown.data[0].includes(mark) ? mark : "")) }, { ...axis, size: 64 }],
    series: [{ label: place.dataset.x }, ...series],
    hooks: { setLegend: [(shown) => { if (shown.legend.idx == null && shown.data[0].length) shown.setLegend({ idx: shown.data[0].length - 1 }); }] },
  };
  const chart = new uPlot(options, [rounds, ...lines.map(({ values }) => values)], place);
  chart.setLegend({ idx: rounds.length - 1 }); // the last round's numbers, as long as nobody points at another
  addEventListener("resize", () => chart.setSize({ width: place.clientWidth, height: 240 }));
  return chart;
}
