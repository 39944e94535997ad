// Before, alone, together, together with own weights: each camera's loss on its own held-back footage, the mean, and in a sentence whether it was worth it.
const at = (id) => document.getElementById(id);

function line(body, title, place, values, number) {
  const row = body.insertRow();
  const name = document.createElement("th");
  name.scope = "row";
  name.textContent = title;
  if (place) {
    const small = document.createElement("small");
    small.className = "place muted";
    small.textContent = place;
    name.append(small);
  }
  row.append(name);
  const numbers = values.filter((value) => value != null);
  for (const value of values) {
    const cell = row.insertCell();
    cell.className = "num";
    cell.textContent = value == null ? "–" : number.format(value);
    if (numbers.length === values.length && value === Math.min(...numbers)) cell.classList.add("is-best");
  }
}

export function draw(comparison, words, number) {
  at("vote-comparison").hidden = !comparison;
  if (!comparison) return;
  const numbers = (row) => (comparison.has_own ? [row.before, row.alone, row.after, row.own] : [row.before, row.alone, row.after]);
  at("vote-comparison-own").hidden = !comparison.has_own;
  at("vote-comparison-note").hidden = !comparison.has_own;
  at("vote-comparison-rows").replaceChildren();
  at("vote-comparison-mean").replaceChildren();
  for (const row of comparison.rows) line(at("vote-comparison-rows"), row.name, row.site, numbers(row), number);
  if (comparison.mean) line(at("vote-comparison-mean"), words.mean, "", numbers(comparison.mean), number);
  at("vote-comparison-sentence").className = "";
  at("vote-comparison-sentence").textContent = comparison.of ? words.better.replace("{n}", comparison.better).replace("{all}", comparison.of) : words.noalone;
  if (comparison.of && comparison.has_own)
    at("vote-comparison-sentence").textContent += ` ${words.ownbetter.replace("{n}", comparison.own_better).replace("{all}", comparison.of)}`;
}
