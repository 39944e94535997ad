// A WebSocket that comes back: back-off after a loss, a word in the shell while it is away, and the page's hello again when it is open,
// so that what was missed is caught up. Close codes 4401 (signed out) and 4403 (not allowed) are final.

const SIGNED_OUT = 4401;
const FORBIDDEN = 4403;
const SLOWEST_MS = 8000;
const TICK_MS = 1000;
const SLEPT_MS = 20000; // of a page that shows; a hidden page's timers may run once a minute
const SILENCE_MS = 12000; // a hello is always answered; no answer for this long means the line is dead

/**
 * connect("/ws/alerts/", { hello: () => ({since}), every: 20000, onMessage: (json) => {}, onBinary: (buffer) => {}, onState: (connected) => {} })
 * returns { send(object), greet(), close() }.
 */
export function connect(path, { hello = () => ({}), every = 20000, onMessage = () => {}, onBinary = () => {}, onState = () => {} }) {
  const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
  const language = document.documentElement.lang || "en";
  let socket = null;
  let wait = 500;
  let ended = false;
  let asked = 0;
  let retry = 0;

  const send = (message) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ language, ...message }));
  };
  const greet = () => {
    if (socket?.readyState !== WebSocket.OPEN) return;
    if (!document.hidden) asked = asked || Date.now();
    send(hello());
  };

  const open = () => {
    clearTimeout(retry);
    asked = 0;
    socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = greet;
    socket.onmessage = ({ data }) => {
      if (asked || wait !== 500) show(true);
      asked = 0;
      wait = 500;
      onState(true);
      if (typeof data === "string") onMessage(JSON.parse(data));
      else onBinary(data);
    };
    socket.onclose = ({ code }) => {
      onState(false);
      if (code === SIGNED_OUT && !ended) location.reload();
      if (ended || code === SIGNED_OUT || code === FORBIDDEN) return;
      lost();
    };
  };
  const lost = () => {
    show(false);
    retry = setTimeout(open, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, SLOWEST_MS);
  };
  // A line that is dead says nothing, not even when it is closed: it is left where it is and another one opened.
  const abandon = () => {
    if (ended) return;
    socket.onclose = socket.onmessage = socket.onopen = null;
    socket.close();
    onState(false);
    clearTimeout(retry);
    wait = 501; // not the first try: what is shown as lost is shown as found when an answer comes
    show(false);
    open();
  };

  let ticked = Date.now();
  let greeted = Date.now();
  const beat = setInterval(() => {
    const now = Date.now();
    const slept = !document.hidden && now - ticked > SLEPT_MS; // no timer ran meanwhile: the machine slept, and what the socket looks like means nothing
    ticked = now;
    if (slept || (asked && now - asked > SILENCE_MS)) abandon();
    else if (!document.hidden && now - greeted >= every) {
      greeted = now;
      greet();
    }
  }, TICK_MS);
  document.addEventListener("visibilitychange", greet);
  addEventListener("online", abandon);
  addEventListener("offline", () => show(false));
  addEventListener("pagehide", () => close());
  const close = () => {
    ended = true;
    clearInterval(beat);
    clearTimeout(retry);
    socket?.close();
  };
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  open();
  return { send, greet, close };
}

function show(connected) {
  for (const place of document.querySelectorAll("[data-connection]")) place.hidden = connected;
}
