// The public page that checks evidence packs: a pack that is too large is refused before it is sent, and a long check says that it is at work.
const form = document.getElementById("verify");
const problem = document.getElementById("problem");
const button = form.querySelector("button");
const words = button.textContent;

form.addEventListener("submit", (event) => {
  const file = form.elements.pack.files[0];
  if (file && file.size > Number(form.dataset.largest)) {
    event.preventDefault();
    problem.replaceChildren(form.dataset.tooLarge);
    problem.hidden = false;
    return;
  }
  button.textContent = form.dataset.atWork;
  button.setAttribute("aria-busy", "true");
});

window.addEventListener("pageshow", () => {
  button.textContent = words;
  button.removeAttribute("aria-busy");
});
