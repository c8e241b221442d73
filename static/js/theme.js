/* Before anything is painted: who has not chosen light or dark sees what the system is set to. */
"use strict";

{
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = Boolean(root.dataset.bsTheme);
  const follow = () => { root.dataset.bsTheme = dark.matches ? "dark" : "light"; };
  if (!chosen) {
    follow();
    dark.addEventListener("change", () => { if (!root.dataset.themeChosen) follow(); });
  }
}
