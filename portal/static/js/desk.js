// The analysis desk: drag and drop on top of an ordinary form.
const drop = document.getElementById("drop");
const file = document.getElementById("file");
const chosen = document.getElementById("chosen");

const show = () => { chosen.textContent = [...file.files].map((each) => each.name).join(", "); };
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
// A page that comes back from the browser's memory must not hold a disabled button.
document.getElementById("desk").addEventListener("submit", (event) => event.submitter?.setAttribute("aria-busy", "true"));
addEventListener("pageshow", () => document.querySelector("#desk [aria-busy]")?.removeAttribute("aria-busy"));
