// What of the plan goes with the chosen task and kind of privacy: which sites take part, what it costs, what is meant.
const terms = JSON.parse(document.getElementById("terms").textContent);

function judge(form) {
  const [task, kind, epsilon] = [form.elements.task.value, form.elements.privacy.value || "none", Number(form.elements.epsilon.value)];
  for (const box of form.querySelectorAll("input[name=sites]")) {
    const said = terms[box.value] ?? { tasks: [], most_epsilon: 0 };
    const out = said.tasks.length > 0 && !said.tasks.includes(task);
    const demands = said.most_epsilon > 0 && !(kind === "local" && epsilon > 0 && epsilon <= said.most_epsilon);
    const label = box.closest("label");
    label.querySelector(".is-out").hidden = !out;
    label.querySelector(".demand").hidden = out || !demands;
    box.disabled = out || demands;
    if (box.disabled) box.checked = false;
  }
  for (const part of form.querySelectorAll("#privacy-plan [data-for]")) part.hidden = !part.dataset.for.split(" ").includes(kind) || (part.dataset.task && part.dataset.task !== task);
  const costs = [...form.querySelectorAll("#privacy-plan .cost")];
  const measured = costs.filter(({ dataset }) => dataset.task === task && dataset.kind === kind);
  const distance = ({ dataset }) => Math.abs(Math.log(Number(dataset.epsilon) / epsilon));
  const nearest = measured.sort((one, other) => distance(one) - distance(other))[0];
  for (const cost of costs) cost.hidden = cost !== nearest || !(epsilon > 0);
}

const form = document.getElementById("plan");
if (form) {
  form.addEventListener("input", () => judge(form));
  judge(form);
}
