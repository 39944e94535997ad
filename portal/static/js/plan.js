// The plan of a run: which strategies keep their promise with as many sites as must answer and with what lies at the portal; the others are closed, and say why.
const form = document.getElementById("plan");
const offers = JSON.parse(document.getElementById("offers").textContent);

function offer() {
  const chosen = form.querySelectorAll("input[name=sites]:checked").length || Infinity;
  const ofTask = offers[form.elements.task.value];
  const sites = Math.min(Number(form.elements.min_sites.value) || 1, chosen, ofTask.length - 1);
  for (const each of ofTask[Math.max(0, sites)]) {
    const option = form.querySelector(`option[value="${each.name}"]`);
    const term = form.querySelector(`[data-strategy="${each.name}"]`);
    option.disabled = !each.works;
    term.classList.toggle("is-out", !each.works);
    term.nextElementSibling.textContent = each.why;
  }
  const strategy = form.elements.strategy;
  if (strategy.selectedOptions[0]?.disabled) strategy.value = [...strategy.options].find((option) => !option.disabled)?.value ?? "";
}

if (form) {
  form.addEventListener("input", offer);
  offer();
}
