// Parts of a page that change by themselves: every few seconds the page is read again, and the parts marked data-live that differ take the place of the old ones.
// What somebody has opened, chosen or is typing in stays as it is.
const EVERY_MS = 4000;

async function look() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const newer = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
    if (newer && newer.innerHTML !== part.innerHTML && !part.contains(document.activeElement)) part.innerHTML = newer.innerHTML;
  }
}

setInterval(look, EVERY_MS);
