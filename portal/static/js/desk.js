// The analysis desk on top of an ordinary form: what the chosen tool reads, drag and drop, and large files sent in pieces that survive a lost line or session.
const form = document.getElementById("desk");
const tool = document.getElementById("tool");
const drop = document.getElementById("drop");
const file = document.getElementById("file");
const text = document.getElementById("text");
const chosen = document.getElementById("chosen");
const problem = document.getElementById("problem");
const list = document.getElementById("uploads");
const small = Number(form.dataset.small); // bytes that the form itself carries
const running = new Map();

function showTool() {
  const { accept, text: readsText, about, needs } = tool.selectedOptions[0].dataset;
  file.accept = accept;
  document.getElementById("about").textContent = about;
  document.getElementById("needs").textContent = needs;
  document.getElementById("paste").hidden = readsText !== "yes";
  require();
}
function require() {
  file.required = document.getElementById("paste").hidden || !text.value.trim();
}
const show = () => { chosen.textContent = [...file.files].map((each) => each.name).join(", "); };
tool.addEventListener("change", showTool);
text.addEventListener("input", require);
file.addEventListener("change", show);
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("is-over"); });
}
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("is-over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  file.files = event.dataTransfer.files;
  show();
});
showTool();

form.addEventListener("submit", async (event) => {
  event.submitter?.setAttribute("aria-busy", "true");
  const files = [...file.files];
  if (!files.some((each) => each.size > small)) return; // the form carries them
  event.preventDefault();
  say("");
  try {
    const ids = await Promise.all(files.map(send));
    for (const id of ids) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "upload", value: id }));
    file.disabled = true; // it is at the portal already
    form.elements.csrfmiddlewaretoken.value = token() || form.elements.csrfmiddlewaretoken.value; // another one since somebody signed in again
    form.submit();
  } catch (error) {
    say(error.message);
    form.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
  }
});
// A page that comes back from the browser's memory must not hold a disabled button.
addEventListener("pageshow", () => document.querySelector("#desk [aria-busy]")?.removeAttribute("aria-busy"));

/** Send one file in pieces; its id at the portal. Pauses, goes on by itself when the line or the session is back, rejects with a sentence. */
function send(each) {
  const row = document.getElementById("upload").content.cloneNode(true).firstElementChild;
  row.querySelector(".name").textContent = each.name;
  row.querySelector("progress").setAttribute("aria-label", each.name);
  list.hidden = false;
  list.append(row);
  const share = row.querySelector(".share");
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(each, {
      endpoint: form.dataset.uploads,
      chunkSize: Number(form.dataset.piece),
      retryDelays: [0, 1000, 3000, 5000, 10000, 20000, 30000],
      metadata: { filename: each.name },
      removeFingerprintOnSuccess: true,
      // The token changes when somebody signs in again, so it is read anew for each piece.
      onBeforeRequest: (request) => request.setHeader("X-CSRFToken", token()),
      onShouldRetry: (error) => [0, 409, 423, 500, 502, 503, 504].includes(error.originalResponse?.getStatus() ?? 0),
      onProgress: (sent, size) => {
        say("");
        row.querySelector("progress").value = sent / size;
        share.textContent = `${Math.floor((100 * sent) / size)} % · ${megabytes(sent)} / ${megabytes(size)} MB`;
      },
      onSuccess: () => done(resolve, upload.url.split("/").pop()),
      onError: (error) => {
        const status = error.originalResponse?.getStatus() ?? 0;
        if (status === 401 || status === 403) return wait(form.dataset.signedOut);
        if (!status || status >= 500 && status !== 507) return wait(form.dataset.lost);
        row.remove();
        done(reject, new Error(sentence(error)));
      },
    });
    const wait = (words) => { say(words); running.get(upload).waits = true; };
    const done = (settle, value) => { running.delete(upload); settle(value); };
    row.addEventListener("click", ({ target }) => {
      const act = target.dataset?.act;
      if (act === "discard") upload.abort(true).catch(() => {}).then(() => { row.remove(); done(reject, new Error("")); });
      if (act === "pause") {
        const state = running.get(upload);
        const words = target.textContent;
        state.paused = !state.paused;
        if (state.paused) upload.abort();
        else upload.start();
        target.textContent = target.dataset.goOn;
        target.dataset.goOn = words;
      }
    });
    running.set(upload, { waits: false, paused: false });
    upload.findPreviousUploads().then((before) => {
      if (before.length) upload.resumeFromPreviousUpload(before[0]);
      upload.start();
    });
  });
}

// Signed in again in another window, or back on the line: what waited goes on.
function goOn() {
  if (document.hidden) return;
  for (const [upload, state] of running) {
    if (!state.waits || state.paused) continue;
    state.waits = false;
    upload.start();
  }
}
addEventListener("focus", goOn);
addEventListener("online", goOn);
document.addEventListener("visibilitychange", goOn);
setInterval(goOn, 15000);
addEventListener("beforeunload", (event) => running.size && event.preventDefault());

function token() {
  return document.cookie.match(/csrftoken=([^;]+)/)?.[1] ?? "";
}
function say(words) {
  problem.textContent = words;
  problem.hidden = !words;
}
function sentence(error) {
  try {
    return JSON.parse(error.originalResponse.getBody()).error.join(" ");
  } catch {
    return error.message;
  }
}
function megabytes(bytes) {
  return Math.round(bytes / 2 ** 20);
}
