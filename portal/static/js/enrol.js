// Enrolling: each picture is judged as soon as it is chosen or taken; the file field stays the truth, so that the form works without this too.

const form = document.getElementById("enrol");
const words = document.getElementById("words").dataset;
const field = form.querySelector("input[type=file]");
const list = document.getElementById("chosen");
const alike = document.getElementById("alike");
const turn = document.getElementById("turn");
const place = document.getElementById("camera");
const video = place.querySelector("video");
let files = [];
let taken = 0;

function keep() {
  const transfer = new DataTransfer();
  for (const each of files) transfer.items.add(each.file);
  field.files = transfer.files;
  alike.hidden = !alike.querySelector("input").checked && !files.some((each) => each.alike?.length);
  turn.hidden = !turn.querySelector("input").checked && !files.some((each) => each.turned);
}

async function judge(each) {
  const body = new FormData();
  body.append("picture", each.file);
  body.append("site", form.elements.site.value);
  if (turn.querySelector("input").checked) body.append("turn", "1");
  body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  const answer = await fetch(form.dataset.judge, { method: "POST", body }).catch(() => null);
  const said = answer && (answer.ok || answer.status === 400) ? await answer.json().catch(() => null) : null;
  each.alike = said?.alike ?? [];
  each.turned = Boolean(said?.turned);
  each.turn.hidden = !each.turned;
  const lines = said ? [...said.problems, ...(each.alike.length ? [words.alike.replace("{names}", each.alike.join(", "))] : [])] : [words.failed];
  each.item.dataset.state = said?.fits ? (each.alike.length ? "alike" : "fits") : "problem";
  each.item.querySelector("p").textContent = lines.join(" ") || words.fits;
  keep();
}

function add(file) {
  const item = document.createElement("li");
  const picture = Object.assign(document.createElement("img"), { alt: "", src: URL.createObjectURL(file) });
  picture.addEventListener("error", () => picture.remove());
  const name = Object.assign(document.createElement("strong"), { textContent: file.name });
  const said = Object.assign(document.createElement("p"), { textContent: words.judging });
  const remove = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: words.remove });
  const turnIt = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: words.turn, hidden: true });
  turnIt.addEventListener("click", () => turn.querySelector("input").click());
  const each = { file, item, turn: turnIt };
  remove.addEventListener("click", () => {
    files = files.filter((other) => other !== each);
    URL.revokeObjectURL(picture.src);
    item.remove();
    keep();
  });
  const text = document.createElement("div");
  text.append(name, said);
  item.append(picture, text, turnIt, remove);
  item.dataset.state = "judging";
  list.append(item);
  files.push(each);
  return judge(each);
}

field.addEventListener("change", () => {
  const known = files.map((each) => each.file);
  for (const file of [...field.files]) if (!known.includes(file)) add(file);
  keep();
});

form.elements.site.addEventListener("change", () => files.forEach(judge));
turn.querySelector("input").addEventListener("change", () => files.forEach(judge));

const end = () => {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
  place.hidden = true;
};

const use = document.getElementById("use-camera");
use.hidden = !navigator.mediaDevices?.getUserMedia;
use.addEventListener("click", async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, facingMode: "user" } }).catch(() => null);
  document.getElementById("no-camera").hidden = Boolean(stream);
  if (!stream) return;
  video.srcObject = stream;
  place.hidden = false;
  await video.play().catch(() => null);
});
document.getElementById("take").addEventListener("click", () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => blob && add(new File([blob], `${words.taken}-${++taken}.jpg`, { type: "image/jpeg" })).then(keep), "image/jpeg", 0.92);
});
document.getElementById("end-camera").addEventListener("click", end);
addEventListener("pagehide", end);
