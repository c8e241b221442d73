"""The paths of vendored files under `static/`, and URLs that change when a file changes."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, Response, request

from tusker.web.urls import fixed_url

TABLER_CSS = "vendor/tabler-core-1.6.1/tabler.cut.css"
A_YEAR = 365 * 24 * 3600
HTMX_JS = "vendor/htmx-2.0.11/htmx.min.js"
ICON_SPRITE = "vendor/tabler-icons-3.51.0/sprite.svg"


def init_app(app: Flask) -> None:
    """Make `asset(path)` and the vendored paths known to templates."""
    folder = Path(str(app.static_folder))

    @cache
    def digest(path: str) -> str:
        file = folder / path
        return hashlib.sha256(file.read_bytes()).hexdigest()[:10] if file.is_file() else "missing"

    def asset(path: str) -> str:
        """The URL of a file under `static/`, with a hash of its content, so that browsers may cache it for long."""
        return fixed_url("static", filename=path, v=digest(path))

    def for_a_year(answer: Response) -> Response:
        """What is asked for by its hash, or lies in a folder of its version, never changes."""
        lasting = "v" in request.args or request.path.startswith(f"{app.static_url_path}/vendor/")
        if request.endpoint == "static" and answer.status_code < 400 and lasting:
            answer.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
        return answer

    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 0
    if app.config["ENVIRONMENT"] != "DEVELOPMENT":
        app.after_request(for_a_year)
    app.jinja_env.globals.update(asset=asset, TABLER_CSS=TABLER_CSS, HTMX_JS=HTMX_JS, ICON_SPRITE=ICON_SPRITE)
