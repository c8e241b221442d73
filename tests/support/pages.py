"""What tests of pages about money share."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import date
from typing import Any

HTMX = {"HX-Request": "true"}
Today = Callable[[date], None]


def words(page: str) -> str:
    """A page's text without markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def field_error(page: str, field_id: str) -> str:
    """The message shown at a field, found by the id that its input is described by."""
    found = re.search(rf'id="{field_id}-error">(.*?)</div>', page, re.S)
    return html.unescape(found[1]) if found else ""


def seen_in(page: str) -> list[str]:
    """What the forms of a page carry of what it shows."""
    return [html.unescape(text) for text in re.findall(r'name="seen" value="([^"]*)"', page)]


def inputs(page: str) -> dict[str, Any]:
    """Names and values of all inputs and the chosen options, as a browser would send them."""
    sent: dict[str, Any] = {"seen": seen_in(page)}
    for tag in re.findall(r"<input\s[^>]*>", page):
        name, value = (re.search(rf'\s{what}="([^"]*)"', tag) for what in ("name", "value"))
        if name and name[1] != "seen":
            sent[html.unescape(name[1])] = html.unescape(value[1]) if value else ""
    for name, options in re.findall(r'<select[^>]*\sname="([^"]*)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option selected value="([^"]*)"', options)
        sent[name] = chosen[1] if chosen else ""
    return sent


def button_values(page: str, name: str) -> list[str]:
    """The values of all buttons and inputs of a name, as a browser would send them."""
    tags = re.findall(r"<(?:input|button)\s[^>]*>", page)
    found = [re.search(r'\svalue="([^"]*)"', tag) for tag in tags if f' name="{name}"' in tag]
    return [html.unescape(match[1]) for match in found if match]


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the quote that is shown."""
    return {
        name: value
        for name, value in re.findall(
            r'<input type="hidden" name="(terms_version|figures)" value="([^"]*)"', page
        )
    }


def token_in(html: str) -> str:
    """The CSRF token of a page's form."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', html)
    assert found is not None, html
    return found[1]


def amounts(page: str) -> list[str]:
    """All amounts on a page, in their order."""
    return re.findall(r"-?₹[\d,]+\.\d\d", page)
