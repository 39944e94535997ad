// The live wall: newest frames while this page shows; what is not fresh is never shown as live.

import { connect } from "./socket.js";

const OLD_MS = 8000;
const LOOK_MS = 4000;
const words = document.getElementById("words").dataset;
const tiles = new Map([...document.querySelectorAll("[data-camera]")].map((tile) => [Number(tile.dataset.camera), { tile, url: "", at: 0, said: tile.dataset.state }]));
let connected = false;

connect("/ws/wall/", {
  hello: () => ({ visible: !document.hidden }),
  every: LOOK_MS,
  onState: (state) => (connected = state),
  onMessage: ({ cameras }) => {
    if (cameras.some(({ id }) => !tiles.has(id)) || cameras.length !== tiles.size) return location.reload();
    for (const { id, state } of cameras) tiles.get(id).said = state;
    refresh();
  },
  onBinary: (data) => {
    const known = tiles.get(new DataView(data).getUint32(0));
    if (!known) return;
    const url = URL.createObjectURL(new Blob([new Uint8Array(data, 4)], { type: "image/jpeg" }));
    const image = known.tile.querySelector("img");
    image.onload = () => {
      if (known.url) URL.revokeObjectURL(known.url);
      known.url = url;
      image.hidden = false;
      known.at = Date.now();
      refresh();
    };
    image.src = url;
  },
});

function refresh() {
  for (const { tile, at, said } of tiles.values()) {
    const fresh = connected && said === "live" && at && Date.now() - at < OLD_MS;
    const old = at && (!connected || said === "live");
    const state = fresh ? "live" : old ? "stale" : said === "live" || !connected ? "waiting" : said;
    tile.dataset.shown = state;
    tile.querySelector("[data-word]").textContent = words[state] ?? words.stale;
    const age = tile.querySelector("[data-frame-age]");
    age.textContent = at ? words.age.replace("{n}", Math.round((Date.now() - at) / 1000)) : "";
  }
}

setInterval(refresh, 1000);
refresh();
