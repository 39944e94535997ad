// Passkeys: a form with data-passkey ("make" or "use") asks the portal for a challenge, the browser for an answer, and sends that as the form's field "credential".

const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
const encode = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const listed = (credentials) => (credentials ?? []).map((each) => ({ ...each, id: decode(each.id) }));

/** What the browser's interface wants, of the JSON that the portal sends. */
function asked({ publicKey: options }) {
  const found = { ...options, challenge: decode(options.challenge) };
  if (options.user) found.user = { ...options.user, id: decode(options.user.id) };
  if (options.excludeCredentials) found.excludeCredentials = listed(options.excludeCredentials);
  if (options.allowCredentials) found.allowCredentials = listed(options.allowCredentials);
  return found;
}

/** The browser's answer as JSON. */
function answered(credential) {
  const response = { clientDataJSON: encode(credential.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = encode(credential.response[name]);
  }
  return { id: credential.id, rawId: encode(credential.rawId), type: credential.type, response, clientExtensionResults: credential.getClientExtensionResults() };
}

async function ask(form) {
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const reply = await fetch(form.dataset.challenge, { method: "POST", headers: { "X-CSRFToken": token } });
  if (!reply.ok) throw new Error((await reply.json().catch(() => ({}))).error);
  const publicKey = asked(await reply.json());
  return form.dataset.passkey === "make" ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey });
}

if (window.PublicKeyCredential) {
  document.getElementById("passkey")?.removeAttribute("hidden");
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.addEventListener("submit", async (event) => {
      if (form.elements.credential.value) return;
      event.preventDefault();
      const problem = form.querySelector("[role=alert]") ?? form.parentElement.querySelector("[role=alert]");
      problem.hidden = true;
      try {
        form.elements.credential.value = JSON.stringify(answered(await ask(form)));
        form.submit();
      } catch (error) {
        problem.textContent = form.dataset.failed ?? form.parentElement.dataset.failed;
        problem.hidden = false;
        console.info(error.name, error.message);
      }
    });
  }
} else {
  for (const form of document.querySelectorAll("form[data-passkey]")) form.hidden = true;
}
