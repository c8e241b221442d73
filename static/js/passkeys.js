/* Passkeys: what the server asks the browser, and what the browser answers, travels in the page's own form. */
"use strict";

const able = window.PublicKeyCredential && PublicKeyCredential.parseCreationOptionsFromJSON;

document.querySelectorAll("[data-passkey-create], [data-passkey-get]").forEach((form) => {
  const button = form.querySelector("[data-passkey]");
  const answer = form.querySelector("input[type=hidden][name$=passkey], input[type=hidden][name$=answer]");
  if (!able || !window.isSecureContext) return;
  button.hidden = false;
  form.querySelectorAll("[data-no-passkey]").forEach((words) => { words.hidden = true; });
  button.addEventListener("click", async () => {
    const { passkeyCreate, passkeyGet } = form.dataset;
    try {
      const made = passkeyCreate
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(passkeyCreate)) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(passkeyGet)) });
      answer.value = JSON.stringify(made.toJSON());
      form.submit();
    } catch (error) {
      say(button.dataset.unused, error.name === "NotAllowedError" ? button.dataset.cancelled : error.message);
    }
  });
});
