"""The browser of `tests.web` (real CSRF tokens, real rate limits) serves here, too."""

from tests.web.conftest import enter, pages, pages_app

__all__ = ["enter", "pages", "pages_app"]
