// On every page: buttons that copy, dialogs, questions before what cannot be undone, and words when htmx could not reach the portal.

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
