// Before, alone, together: each site's loss on its own held-back footage, the mean, and in a sentence whether it was worth it.
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
  const known = values.filter((value) => value != null);
  for (const value of values) {
    const cell = row.insertCell();
    cell.className = "num";
    cell.textContent = value == null ? "–" : number.format(value);
    if (known.length === values.length && value === Math.min(...known)) cell.classList.add("is-best");
  }
}

export function draw(three, words, number) {
  at("three").hidden = !three;
  if (!three) return;
  const numbers = (row) => [row.before, row.alone, row.after];
  at("three-rows").replaceChildren();
  at("three-mean").replaceChildren();
  for (const row of three.rows) line(at("three-rows"), row.name, row.site, numbers(row), number);
  if (three.mean) line(at("three-mean"), words.mean, "", numbers(three.mean), number);
  at("three-said").className = "";
  at("three-said").textContent = three.of ? words.better.replace("{n}", three.better).replace("{all}", three.of) : words.noalone;
}
