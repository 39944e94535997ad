// On every page: buttons that copy, dialogs, questions before what cannot be undone, the appearance, tables that become cards where they do
// not fit, and words when htmx could not reach the portal.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-opens], [data-closes]");
  if (!button) return;
  if (button.dataset.opens) return document.getElementById(button.dataset.opens)?.showModal();
  if ("closes" in button.dataset) return button.closest("dialog")?.close();
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.textContent.trim()).catch(() => getSelection().selectAllChildren(source));
  const said = button.textContent;
  button.textContent = button.dataset.done ?? "✓";
  setTimeout(() => (button.textContent = said), 2000);
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset?.ask;
  if (question && !confirm(question)) event.preventDefault();
});

for (const name of ["htmx:sendError", "htmx:responseError"]) {
  document.body.addEventListener(name, (event) => {
    const place = document.getElementById("content");
    const words = document.body.dataset.unreachable;
    if (!place || !words || document.getElementById("unreachable")) return;
    const notice = Object.assign(document.createElement("p"), { id: "unreachable", className: "notice is-problem", textContent: words });
    notice.setAttribute("role", "alert");
    place.prepend(notice);
    setTimeout(() => notice.remove(), 8000);
    event.stopPropagation();
  });
}

// The appearance changes without loading the page again, except where a chart was painted in the old colours.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-themes]");
  if (!form) return;
  event.preventDefault();
  const chosen = event.submitter.value;
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form, event.submitter), headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok) return;
  if (document.querySelector(".uplot")) return location.reload();
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  document.querySelector('meta[name="color-scheme"]').content = chosen === "system" ? "light dark" : chosen;
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === chosen));
});

// On a narrow screen a table that is wider than its place becomes a list of cards: each cell with its column's name before it.
const NARROW = matchMedia("(max-width: 899px)");
const ROLES = { THEAD: "rowgroup", TBODY: "rowgroup", TFOOT: "rowgroup", TR: "row", TH: "columnheader", TD: "cell" };

function lay(table) {
  table.classList.remove("is-cards");
  const place = table.parentElement;
  if (!NARROW.matches || !table.tHead || table.scrollWidth <= place.clientWidth) return;
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  for (const part of table.querySelectorAll("thead, tbody, tfoot, tr, th, td")) if (!part.hasAttribute("role")) part.setAttribute("role", part.scope === "row" ? "rowheader" : ROLES[part.tagName]);
  table.setAttribute("role", "table"); // as blocks the parts would lose what they are to a screen reader
  for (const row of table.querySelectorAll("tbody tr, tfoot tr")) [...row.cells].forEach((cell, n) => (cell.dataset.name = names[n] ?? ""));
  table.classList.add("is-cards");
}

const layTables = () => document.querySelectorAll(".scroll > table").forEach(lay);
const layLater = () => requestAnimationFrame(layTables);
layTables();
document.fonts?.ready.then(layTables);
NARROW.addEventListener("change", layTables);
document.body.addEventListener("htmx:afterSettle", layLater);
document.addEventListener("toggle", layLater, true);
// Rows that a page's own script writes come later; what `lay` itself changes are attributes only.
new MutationObserver((changes) => changes.some(({ target }) => target.closest?.(".scroll > table")) && layLater()).observe(document.body, { childList: true, subtree: true });
