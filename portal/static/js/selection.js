// Several alerts at once: chosen with x, with Shift and a click, with Shift and the arrows; acknowledged together.

import { offer, post } from "./undo.js";

const bar = document.getElementById("bulk");
const words = document.getElementById("words").dataset;
const chosen = new Set();
let anchor = null; // where a range begins
let all = () => [];

const idOf = (row) => Number(row.dataset.alert);

/** What the page's rows are, in their order. */
export function over(rows) {
  all = rows;
}

export const count = () => chosen.size;

/** Write down on a row that came anew whether it is chosen. */
export function mark(row) {
  const on = chosen.has(idOf(row));
  row.toggleAttribute("data-picked", on);
  const box = row.querySelector("[data-pick]");
  if (box) box.checked = on;
}

export function from(row) {
  anchor = row && idOf(row);
}

export function toggle(row, on = !chosen.has(idOf(row))) {
  if (!bar) return;
  if (on) chosen.add(idOf(row));
  else chosen.delete(idOf(row));
  from(row);
  show();
}

/** Choose every row from the last chosen or clicked one to this one. */
export function reach(row) {
  const rows = all();
  const begin = Math.max(0, rows.findIndex((each) => idOf(each) === anchor));
  const end = rows.indexOf(row);
  for (const each of rows.slice(Math.min(begin, end), Math.max(begin, end) + 1)) chosen.add(idOf(each));
  show();
}

export function clear() {
  chosen.clear();
  show();
}

/** Forget what is no longer in the list: nobody should act on what they cannot see. */
export function show() {
  const rows = all();
  const here = new Set(rows.map(idOf));
  for (const id of chosen) if (!here.has(id)) chosen.delete(id);
  rows.forEach(mark);
  if (!bar) return;
  bar.hidden = chosen.size === 0;
  document.getElementById("bulk-count").textContent = words.selected.replace("{n}", chosen.size);
}

export async function acknowledge(then) {
  const fresh = all().filter((row) => chosen.has(idOf(row)) && row.dataset.state === "new").map(idOf); // only what is done now can be taken back together
  const done = fresh.length ? await post(words.acknowledge, fresh) : [];
  if (!done) return;
  clear();
  offer(words.acknowledged.replace("{n}", done.length), done, then);
}

bar?.addEventListener("click", ({ target }) => {
  const act = target.closest("[data-bulk]")?.dataset.bulk;
  if (act === "none") clear();
  if (act === "all") for (const row of all()) chosen.add(idOf(row));
  if (act === "all") show();
});
