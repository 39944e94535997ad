// The bell of the watch room: another sound for each severity, repeated until somebody has acknowledged what rings. The switch outlives a reload.

const KEPT = "specola.sound";
const REPEAT_MS = { 1: 60000, 2: 20000, 3: 6000 };
const TUNES = {
  1: [[523, 0, 0.3, 0.08]],
  2: [[660, 0, 0.25, 0.15], [660, 0.35, 0.35, 0.15]],
  3: [[988, 0, 0.18, 0.25], [740, 0.22, 0.18, 0.25], [988, 0.44, 0.18, 0.25], [740, 0.66, 0.3, 0.25]],
}; // of each tone: hertz, begin and length in seconds, volume

/** bell(button, refused, allow): `ring(level)` says what nobody has acknowledged now (null: nothing); `fresh` rings at once. `toggle()` switches. */
export function bell(button, refused, allow) {
  let context = null;
  let level = null;
  let last = 0;
  const isOn = () => button.getAttribute("aria-pressed") === "true";

  // A browser may refuse to sound before somebody has touched the page: then the page says so, and sounds at the first touch.
  async function wake() {
    if (!isOn()) return;
    context ??= new AudioContext();
    if (context.state !== "running") await Promise.race([context.resume().catch(() => {}), new Promise((done) => setTimeout(done, 400))]);
    refused.hidden = context.state === "running";
  }

  function play() {
    if (!isOn() || !level || context?.state !== "running") return;
    last = Date.now();
    button.dataset.played = String(Number(button.dataset.played ?? 0) + 1);
    button.dataset.level = String(level);
    for (const [hertz, begin, length, loud] of TUNES[level]) {
      const [tone, volume, at] = [context.createOscillator(), context.createGain(), context.currentTime + begin];
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(loud, at);
      volume.gain.exponentialRampToValueAtTime(0.001, at + length);
      tone.connect(volume).connect(context.destination);
      tone.start(at);
      tone.stop(at + length);
    }
  }

  function ring(now, fresh = false) {
    const louder = now && now > (level ?? 0);
    level = now || null;
    if (fresh || louder) play();
  }

  function toggle(on = !isOn()) {
    button.setAttribute("aria-pressed", String(on));
    localStorage.setItem(KEPT, on ? "on" : "off");
    refused.hidden = true;
    wake().then(play);
  }

  button.addEventListener("click", () => toggle());
  allow.addEventListener("click", () => wake().then(play));
  for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, () => isOn() && context?.state !== "running" && wake().then(play), { passive: true });
  setInterval(() => level && Date.now() - last >= REPEAT_MS[level] && play(), 1000);
  if (localStorage.getItem(KEPT) === "on") {
    button.setAttribute("aria-pressed", "true");
    wake().then(play);
  }
  return { ring, toggle };
}
