/* Small comforts. Every page works without them. */
"use strict";

document.documentElement.classList.add("js");

/* --- messages ------------------------------------------------------------------------------------------------- */

function armMessages(root) {
  root.querySelectorAll("[data-dismissable]:not([data-armed])").forEach((box) => {
    box.dataset.armed = "true";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn-close";
    button.setAttribute("aria-label", document.body.dataset.close);
    button.addEventListener("click", () => box.remove());
    box.append(button);
    box.classList.add("alert-dismissible");
    const after = Number(box.dataset.dismissAfter);
    if (after) setTimeout(() => box.remove(), after);
  });
}

function say(title, text) {
  const box = document.createElement("div");
  box.className = "alert alert-danger";
  box.setAttribute("role", "alert");
  box.dataset.dismissable = "";
  const words = document.createElement("div");
  const head = document.createElement("div");
  head.className = "alert-title";
  head.textContent = title;
  words.append(head, text);
  box.append(words);
  const messages = document.getElementById("messages");
  messages.replaceChildren(box);
  armMessages(messages);
  window.scrollTo({ top: 0 });
}

/* --- choosing rows: tick all, and the running total ------------------------------------------------------------ */

function showAmount(minor) {
  const { currency, exponent, locale } = document.body.dataset;
  const digits = minor.toString().padStart(Number(exponent) + 1, "0");
  const cut = digits.length - Number(exponent);
  const major = Number(exponent) ? `${digits.slice(0, cut)}.${digits.slice(cut)}` : digits;
  // Given as text, so that no float comes between.
  return new Intl.NumberFormat(locale, { style: "currency", currency }).format(major);
}

/* A box may stand outside its form. */
function boxesOf(form, kind) {
  return [...form.elements].filter((box) => box.matches(`[data-select-${kind}]`));
}

/* The form may have rows in another table, too. */
function rowsUnder(all) {
  const table = all.closest("table");
  return boxesOf(all.form, "row").filter((row) => table.contains(row));
}

function refreshSelection(form) {
  const chosen = boxesOf(form, "row").filter((row) => row.checked);
  const total = chosen.reduce((sum, row) => sum + BigInt(row.dataset.amount || "0"), 0n);
  [...form.elements].filter((part) => part.matches("[data-selection]")).forEach((place) => {
    place.textContent = chosen.length
      ? place.dataset.some.replace("{count}", chosen.length).replace("{amount}", showAmount(total))
      : place.dataset.none;
  });
  boxesOf(form, "all").forEach((all) => {
    const rows = rowsUnder(all);
    all.checked = rows.length > 0 && rows.every((row) => row.checked);
    all.indeterminate = !all.checked && rows.some((row) => row.checked);
  });
}

function refreshSelections() {
  document.querySelectorAll("[data-selection]").forEach((place) => refreshSelection(place.form));
}

document.addEventListener("change", (event) => {
  const box = event.target;
  if (!(box instanceof HTMLInputElement)) return;
  const form = box.form;
  if (!form) return;
  if (box.matches("[data-select-all]")) {
    rowsUnder(box).forEach((row) => { row.checked = box.checked; });
  }
  if (box.matches("[data-select-all], [data-select-row]")) refreshSelection(form);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-clears]");
  if (button) button.form.querySelectorAll(".tk-filter :is(input, select)").forEach((field) => { field.value = ""; });
}, true);

/* --- boxes that open (details) close again --------------------------------------------------------------------- */

document.addEventListener("click", (event) => {
  const close = event.target.closest("[data-close-details]");
  if (close) close.closest("details").open = false;
  document.querySelectorAll("details.tk-confirm[open]").forEach((box) => {
    if (!box.contains(event.target)) box.open = false;
  });
});

/* Enter on a box does with the chosen rows what the list is for; the first button of its form is that of the search. */
document.addEventListener("keydown", (event) => {
  const box = event.key === "Enter" && event.target.closest("[data-select-row], [data-select-all]");
  const button = box && [...box.form.elements].find((part) => part.matches("[data-for-chosen]"));
  if (!button) return;
  event.preventDefault();
  button.click();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.querySelectorAll("details.tk-confirm[open]").forEach((box) => {
    box.open = false;
    box.querySelector("summary").focus();
  });
});

/* --- light and dark without a reload ---------------------------------------------------------------------------- */

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-theme-form]")) return;
  event.preventDefault();
  const root = document.documentElement;
  const chosen = root.dataset.bsTheme === "dark" ? "light" : "dark";
  form.elements.theme.value = chosen;
  root.dataset.bsTheme = chosen;
  root.dataset.themeChosen = "true";
  fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" });
});

/* --- the navigation may be longer than the window --------------------------------------------------------------- */

document.querySelector(".tk-nav-link.active")?.scrollIntoView({ block: "nearest" });

/* --- the session's end ------------------------------------------------------------------------------------------ */

const WARNING_SECONDS = 120;
let idleTimer;
let idleEnd;
let lastEnd;

function warnOfEnd(kind) {
  const box = document.getElementById("session-ends");
  if (!box) return;
  box.querySelectorAll("[data-when]").forEach((part) => { part.hidden = part.dataset.when !== kind; });
  box.hidden = false;
}

function watchSession() {
  const box = document.getElementById("session-ends");
  if (!box) return;
  clearTimeout(idleTimer);
  box.hidden = true;
  idleEnd = Date.now() + box.dataset.idleSeconds * 1000;
  idleTimer = setTimeout(warnOfEnd, (box.dataset.idleSeconds - WARNING_SECONDS) * 1000, "idle");
}

/* When it is over nothing stays in the page. What was typed goes on through the sign-in page, unseen until then. */

function isTyped(field) {
  if (!field.matches("input, select, textarea") || field.matches("[type=hidden], [type=password], [type=file]")) return false;
  if (field.options) {
    const chosen = [...field.options].findIndex((option) => option.defaultSelected);
    return !field.multiple && field.selectedIndex !== Math.max(chosen, 0);
  }
  // A box without a value has another one than its default all the same.
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}

function whatWasTyped(form) {
  const kept = document.createElement("form");
  kept.method = "post";
  kept.action = form.getAttribute("action") || location.href;
  new FormData(form).forEach((value, name) => {
    if (typeof value !== "string" || form.querySelector(`[type=password][name="${CSS.escape(name)}"]`)) return;
    const field = document.createElement("input");
    field.type = "hidden";
    [field.name, field.value] = [name, value];
    kept.append(field);
  });
  return kept;
}

function endWhenOver() {
  const template = document.getElementById("session-ended");
  if (!template || Date.now() < Math.min(idleEnd, lastEnd)) return;
  const typed = [...document.querySelectorAll("#content form[method=post]")].find((form) =>
    [...form.elements].some(isTyped));
  const ended = template.content.cloneNode(true);
  sessionStorage.clear();
  const form = typed && whatWasTyped(typed);
  ended.querySelector("[data-sign-in]").href = location.href;
  ended.querySelectorAll("[data-when]").forEach((part) => {
    part.hidden = (part.dataset.when === "typed") !== Boolean(form);
  });
  const goOn = ended.querySelector("[data-go-on]");
  if (form) form.append(goOn);
  goOn.hidden = !form;
  // What was asked for before comes too late, and what waits for its answer is asked no more.
  document.addEventListener("htmx:configRequest", (event) => event.preventDefault());
  document.querySelectorAll("[hx-get], [hx-post]").forEach((one) => htmx.trigger(one, "htmx:abort"));
  document.body.replaceChildren(ended);
  if (form) document.querySelector("[data-when=typed]").append(form);
  document.title = document.querySelector("h1").textContent;
}

function armSession() {
  const box = document.getElementById("session-ends");
  if (!box) return;
  lastEnd = Date.now() + box.dataset.leftSeconds * 1000;
  setInterval(endWhenOver, 5000);
  document.addEventListener("visibilitychange", endWhenOver);
  const left = Math.max(0, box.dataset.leftSeconds - WARNING_SECONDS);
  setTimeout(() => { clearTimeout(idleTimer); warnOfEnd("last"); }, left * 1000);
  // Another tab of the same session keeps this one signed in, too.
  const tabs = new BroadcastChannel("tusker-session");
  tabs.addEventListener("message", watchSession);
  tabs.postMessage("seen");
  document.addEventListener("htmx:afterRequest", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (xhr.status >= 400 || requestConfig.headers.Polls) return;
    watchSession();
    tabs.postMessage("seen");
  });
  watchSession();
}

document.addEventListener("fresh-token", (event) => {
  const token = event.detail.value;
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": token }));
  document.querySelectorAll("input[name=csrf_token]").forEach((field) => { field.value = token; });
});

/* --- htmx ------------------------------------------------------------------------------------------------------- */

document.addEventListener("htmx:beforeSwap", (event) => {
  // Our own errors say where they want to be shown; a page from a proxy in between must not land in a table row.
  const { xhr } = event.detail;
  if (xhr.status >= 400 && xhr.getResponseHeader("HX-Retarget")) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

function isPoll(event) {
  return Boolean(event.detail.requestConfig?.headers.Polls);
}

// Nobody looks at a tab that is hidden: it asks for nothing, and once when it is shown again.
document.addEventListener("htmx:configRequest", (event) => {
  if (document.hidden && event.detail.headers.Polls) event.preventDefault();
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  document.querySelectorAll("[hx-trigger*=tab-shown]").forEach((part) => htmx.trigger(part, "tab-shown"));
});

document.addEventListener("htmx:responseError", (event) => {
  if (isPoll(event)) return;
  say(document.body.dataset.failed, document.body.dataset.failedMore);
});

// Going back to a page that answered with an error, such as a list whose filters are wrong: htmx shows nothing of it.
document.addEventListener("htmx:historyCacheMissLoadError", () => location.reload());

document.addEventListener("htmx:sendError", (event) => {
  if (isPoll(event)) return;
  say(document.body.dataset.unreached, document.body.dataset.unreachedMore);
});

document.addEventListener("htmx:load", (event) => {
  armScrollers();
  armMessages(event.target.parentElement || document);
  refreshSelections();
});

/* --- what scrolls sideways can be reached by keyboard ----------------------------------------------------------- */

function armScrollers() {
  document.querySelectorAll(".table-responsive").forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
}

window.addEventListener("resize", armScrollers);
armScrollers();

armMessages(document);
refreshSelections();
armSession();
