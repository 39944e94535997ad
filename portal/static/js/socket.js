// A WebSocket that comes back: back-off after a loss, a word in the shell while it is away, and the page's hello again when it is open,
// so that what was missed is caught up. Close codes 4401 (signed out) and 4403 (not allowed) are final.

const SIGNED_OUT = 4401;
const FORBIDDEN = 4403;
const SLOWEST_MS = 8000;
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
      show(false);
      retry = setTimeout(open, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, SLOWEST_MS);
    };
  };

  const beat = setInterval(() => {
    if (asked && Date.now() - asked > SILENCE_MS) socket.close();
    else if (!document.hidden) greet();
  }, every);
  document.addEventListener("visibilitychange", greet);
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
