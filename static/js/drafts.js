/* What is typed into a long form, form[data-draft], stays in this tab for its person until it was sent or they signed out. */
"use strict";

(() => {
  const person = document.getElementById("session-ends")?.dataset.person;
  const PREFIX = `draft:${person}:`;
  const keyOf = (form) => PREFIX + location.pathname + form.dataset.draft;
  const keysOfOthers = () => Object.keys(sessionStorage).filter((key) => key.startsWith("draft:") && !(person && key.startsWith(PREFIX)));
  const isKept = (field) =>
    field.name && field.matches("input, select, textarea") && !field.matches("[type=hidden], [type=password], [type=file], [type=submit]");
  const isBox = (field) => field.matches("[type=checkbox], [type=radio]");
  /* What is brought back, while parts of the form that depend on it are still fetched. */
  let coming = null;
  let filling = false;

  /* All fields: what was typed is the default of a form that the server has shown again. */
  function keep(form) {
    const values = [...form.elements].filter(isKept).map((field) => [field.name, field.value, field.checked ?? null]);
    sessionStorage.setItem(keyOf(form), JSON.stringify(values));
  }

  /* Sets the fields that are there; returns those that had another value. */
  function setFields(form, values) {
    const changed = [];
    for (const [name, value, checked] of values) {
      const field = [...form.elements].find((one) => one.name === name && isKept(one) && (!isBox(one) || one.value === value));
      if (!field || (isBox(field) ? field.checked === checked : field.value === value)) continue;
      if (field.options && ![...field.options].some((option) => option.value === value)) continue;
      if (isBox(field)) field.checked = checked;
      else field.value = value;
      changed.push(field);
    }
    return changed;
  }

  /* One request fetches what depends on the fields; one for the form itself goes before the others. Returns whether
     anything was another than it is kept. */
  function fill(form, values) {
    const changed = setFields(form, values);
    const asking = changed.filter((field) => field.matches("[hx-get]"));
    const first = asking.find((field) => field.closest(field.getAttribute("hx-target"))) ?? asking[0];
    coming = first ? values : null;
    filling = true;
    for (const kind of ["input", "change"]) first?.dispatchEvent(new Event(kind, { bubbles: true }));
    filling = false;
    return changed.length > 0;
  }

  function bringBack(form) {
    const kept = sessionStorage.getItem(keyOf(form));
    // An answer to the form has what was typed, and what the server says now in place of what it said before.
    if (sent === keyOf(form)) return keep(form);
    // An address that fills the form in means that.
    if (!kept || location.search || !fill(form, JSON.parse(kept))) return;
    const note = document.createElement("p");
    note.className = "text-secondary mb-2";
    note.setAttribute("role", "status");
    note.textContent = `${document.body.dataset.draftBack} `;
    const key = keyOf(form);
    const again = document.createElement("a");
    again.className = "btn btn-sm";
    again.href = location.pathname;
    again.textContent = document.body.dataset.draftOver;
    again.addEventListener("click", () => sessionStorage.removeItem(key));
    note.append(again);
    form.before(note);
  }

  const notTaken = document.querySelector("[data-not-taken]");
  // The page of an error of ours knows nobody.
  if (person || !notTaken) keysOfOthers().forEach((key) => sessionStorage.removeItem(key));
  // What was sent is done, unless the form is there again or an error is in its place.
  const sent = sessionStorage.getItem("sent");
  sessionStorage.removeItem("sent");
  const forms = [...document.querySelectorAll("form[data-draft]")];
  if (sent && !notTaken && !forms.some((form) => keyOf(form) === sent)) sessionStorage.removeItem(sent);
  // htmx has bound its fields by then.
  document.addEventListener("DOMContentLoaded", () => forms.forEach(bringBack));

  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => {
      const form = event.target.closest?.("form[data-draft]");
      if (!form || filling) return;
      coming = null;
      keep(form);
    });
  }
  document.addEventListener("htmx:afterSettle", (event) => {
    const form = event.target.closest?.("form[data-draft]");
    if (!form) return;
    if (coming) fill(form, coming);
    else keep(form);
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-draft]")) sessionStorage.setItem("sent", keyOf(event.target));
    else if (sent && event.target.matches("[data-not-taken]")) sessionStorage.setItem("sent", sent);
  });
})();
