// What was decided a moment ago can be taken back: the portal restores it, this only asks.

const SHOWN_MS = 10000;
const toast = document.getElementById("toast");
const word = document.getElementById("toast-word");
const button = document.getElementById("toast-undo");
const words = toast?.dataset ?? {};
let alerts = [];
let after = () => {};
let timer = 0;

/** Say what was done, and offer to take it back for these alerts; `then(done)` is called with the numbers of those restored. */
export function offer(text, taken = [], then = () => {}) {
  word.textContent = text;
  alerts = taken;
  after = then;
  button.hidden = !alerts.length;
  toast.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => (toast.hidden = true), SHOWN_MS);
}

/** Ask the portal to take back what the toast offers; nothing when it offers nothing. */
export async function takeBack() {
  if (toast.hidden || !alerts.length) return;
  const [taken, then] = [alerts, after];
  alerts = [];
  const done = await post(words.undo, taken);
  if (done) {
    offer(words.undone);
    then(done);
  }
}

/** POST the numbers of alerts; those of the answer, or null after a sentence was shown. */
export async function post(address, numbers) {
  const headers = { ...JSON.parse(document.body.getAttribute("hx-headers")), Accept: "application/json" };
  const answer = await fetch(address, { method: "POST", headers, body: new URLSearchParams(numbers.map((number) => ["alert", number])) }).catch(() => null);
  const found = answer?.headers.get("Content-Type")?.includes("json") ? await answer.json() : {};
  if (answer?.ok && found.done) return found.done;
  offer(found.error ?? words.unreachable);
  return null;
}

button?.addEventListener("click", takeBack);
