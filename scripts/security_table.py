"""Write down who may open which address, from the marks of the views, into docs/security_routes.md (make routes)."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from werkzeug.routing import Rule

import config
from tusker.app import create_app
from tusker.models import Role
from tusker.web.access import BY_SIGNATURE, BY_TOKEN, COSTLY, FRESH, PASSWORD, PUBLIC, access_of

PAGE = Path(__file__).resolve().parents[1] / "docs" / "security_routes.md"
BEGIN, END = "<!-- routes: begin -->\n", "<!-- routes: end -->\n"
OTHERS = {PUBLIC: "anybody", BY_TOKEN: "API token", BY_SIGNATURE: "signature"}
HEAD = ["address", "methods", *Role, "else"]


def table(app: Flask) -> str:
    """All addresses of the app and who may open each, as a table of Markdown."""
    rules = sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ())))
    rows = [HEAD, ["---"] * len(HEAD), *(_row(app, rule) for rule in rules)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _row(app: Flask, rule: Rule) -> list[str]:
    mark = access_of(app, rule.endpoint)
    methods = ", ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
    if mark is None or isinstance(mark, str):
        return [f"`{rule.rule}`", methods, *("" for _ in Role), OTHERS[mark] if mark else "nobody"]
    view = app.view_functions[rule.endpoint]
    yes = "factor or password" if getattr(view, PASSWORD) else "factor" if getattr(view, FRESH) else "yes"
    costly = "costly" if getattr(view, COSTLY) else ""
    return [f"`{rule.rule}`", methods, *(yes if role in mark else "" for role in Role), costly]


def current(text: str, app: Flask) -> str:
    """The page with the table as it is now between its marks."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{table(app)}\n{END}{after}"


def main() -> None:
    """Write the page."""
    # no database is asked: the address only has to be one
    app = create_app(config.load({"DATABASE_URL": "postgresql:///none"}))
    PAGE.write_text(current(PAGE.read_text(), app))


if __name__ == "__main__":
    main()
