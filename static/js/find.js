/* The search (/ or Ctrl-K), shortcuts (g and a letter) and their sheet (?). Without this the search is a page. */
"use strict";

const FOLLOWS_MS = 1200;
let waitsForLetter = 0;

function isTyping(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

function openFind() {
  const dialog = document.getElementById("find");
  if (!dialog || dialog.open) return;
  document.getElementById("keys").close();
  dialog.showModal();
  const field = dialog.querySelector("input");
  field.value = "";
  field.focus();
  htmx.ajax("GET", field.form.action, { target: "#find .tk-found", swap: "innerHTML" });
}

function openKeys() {
  const dialog = document.getElementById("keys");
  if (!dialog || dialog.open) return;
  document.getElementById("find").close();
  dialog.showModal();
}

/* arrows go from the field through what was found, and back */
function move(event) {
  const box = event.target.closest("#find, #search");
  if (!box || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  const stops = [box.querySelector("input[type=search]"), ...box.querySelectorAll(".tk-found a")];
  const at = stops.indexOf(event.target);
  const next = stops[at + (event.key === "ArrowDown" ? 1 : -1)];
  if (at < 0 || !next) return;
  event.preventDefault();
  next.focus();
}

/* Enter opens the first that was found, once the answer is that to what was typed */
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-find-form]")) return;
  const found = event.target.parentElement.querySelector(".tk-found");
  const first = found.querySelector("a");
  if (!first || found.dataset.for !== event.target.elements.q.value) return;
  event.preventDefault();
  window.location.assign(first.href);
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.matches(".tk-found")) {
    event.target.dataset.for = event.detail.requestConfig.parameters.q ?? "";
  }
});

document.addEventListener("keydown", (event) => {
  move(event);
  const box = document.querySelector("dialog.tk-dialog[open]");
  if (event.key === "Escape" && box) {
    // A field of type search would take the first Escape for itself, and the browser might close the next dialog.
    event.preventDefault();
    // what has the focus in a closed dialog keeps it until the next frame, and would swallow the next key
    if (box.contains(document.activeElement)) document.activeElement.blur();
    box.close();
  }
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openFind();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (waitsForLetter && event.timeStamp - waitsForLetter < FOLLOWS_MS) {
    waitsForLetter = 0;
    const link = document.querySelector(`[data-keys="g ${CSS.escape(event.key)}"]`);
    if (link) window.location.assign(link.href);
    return;
  }
  if (event.key === "/") { event.preventDefault(); openFind(); }
  if (event.key === "?") openKeys();
  if (event.key === "g") waitsForLetter = event.timeStamp;
});

document.addEventListener("click", (event) => {
  if (event.target.matches("dialog.tk-dialog")) event.target.close();
  const opener = event.target.closest("[data-open-find]");
  if (!opener || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  openFind();
});
