/* What is typed into a long form, form[data-draft], stays in this tab until it was sent or the person signed out. */
"use strict";

(() => {
  const PREFIX = "draft:";
  const keyOf = (form) => PREFIX + location.pathname + form.dataset.draft;
  const keys = () => Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
  const isKept = (field) =>
    field.name && field.matches("input, select, textarea") && !field.matches("[type=hidden], [type=password], [type=file], [type=submit]");
  const isTyped = (field) => {
    if (field.options) return field.selectedIndex !== Math.max([...field.options].findIndex((option) => option.defaultSelected), 0);
    if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
    return field.value !== field.defaultValue;
  };

  function keep(form) {
    const typed = [...form.elements].filter((field) => isKept(field) && isTyped(field));
    const values = typed.map((field) => [field.name, field.value, field.checked ?? null]);
    if (values.length) sessionStorage.setItem(keyOf(form), JSON.stringify(values));
    else sessionStorage.removeItem(keyOf(form));
  }

  /* Returns whether anything was another than it is kept. */
  function fill(form, values) {
    let changed = false;
    for (const [name, value, checked] of values) {
      const box = [...form.elements].find((field) => field.name === name && isKept(field)
        && (!field.matches("[type=checkbox], [type=radio]") || field.value === value));
      if (!box || (box.value === value && (box.checked ?? null) === checked)) continue;
      changed = true;
      if (box.matches("[type=checkbox], [type=radio]")) box.checked = checked;
      else box.value = value;
      for (const kind of ["input", "change"]) box.dispatchEvent(new Event(kind, { bubbles: true }));
    }
    return changed;
  }

  function bringBack(form) {
    const kept = sessionStorage.getItem(keyOf(form));
    // An address that fills the form in means that; an answer to it has what was typed.
    if (!kept || location.search || !fill(form, JSON.parse(kept))) return;
    const note = document.createElement("p");
    note.className = "text-secondary mb-2";
    note.setAttribute("role", "status");
    note.textContent = "What you typed here earlier is back. ";
    const again = document.createElement("button");
    again.type = "button";
    again.className = "btn btn-sm";
    again.textContent = "Start over";
    again.addEventListener("click", () => {
      sessionStorage.removeItem(keyOf(form));
      form.reset();
      note.remove();
    });
    note.append(again);
    form.before(note);
  }

  if (!document.getElementById("session-ends")) keys().forEach((key) => sessionStorage.removeItem(key));
  // What was sent is done, unless the form is there again.
  const sent = sessionStorage.getItem("sent");
  sessionStorage.removeItem("sent");
  const forms = [...document.querySelectorAll("form[data-draft]")];
  if (sent && !forms.some((form) => keyOf(form) === sent)) sessionStorage.removeItem(sent);
  forms.forEach(bringBack);

  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => {
      const form = event.target.closest?.("form[data-draft]");
      if (form) keep(form);
    });
  }
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-draft]")) sessionStorage.setItem("sent", keyOf(event.target));
  });
})();
