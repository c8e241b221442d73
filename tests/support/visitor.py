"""A browser without JavaScript in 150 lines: opens pages, reads their words, fills in and sends their forms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_BLOCKS = {
    "p",
    "summary",
    "details",
    "div",
    "li",
    "tr",
    "td",
    "th",
    "h1",
    "h2",
    "h3",
    "h4",
    "dt",
    "dd",
    "option",
    "span",
    "button",
    "a",
}
_FORMS = re.compile(r"<form\b.*?</form>|<(?:input|select|textarea|button)\b[^>]*\sform=[^>]*>", re.DOTALL)
Attributes = dict[str, str]


@dataclass
class Form:
    """A form with what it would send now; `buttons` are (name, value, words), `elsewhere` says by their words where
    those send it that do not send it to `action`."""

    action: str = ""
    method: str = "get"
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)
    elsewhere: dict[str, str] = field(default_factory=dict)
    unsent: set[str] = field(default_factory=set)
    """Names of what sends nothing as it stands: texts over many lines, and boxes that are not checked."""

    @property
    def names(self) -> set[str]:
        """The names that it would send."""
        return {name for name, _ in self.fields}

    def value(self, name: str) -> str:
        """What stands in a field."""
        return dict(self.fields)[name]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self.by_id: dict[str, list[str]] = {}
        self.rows: list[list[str]] = []
        self.links: list[str] = []
        self._open: list[tuple[str, list[list[str]]]] = []
        self._named: dict[str, Form] = {}
        self._form: Form | None = None
        self._select: tuple[Form, str, list[tuple[str, bool]]] | None = None
        self._button: tuple[Form, Attributes, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        takers: list[list[str]] = []
        if "id" in given:
            takers.append(self.by_id.setdefault(given["id"], []))
        if tag == "tr":
            self.rows.append([])
            takers.append(self.rows[-1])
        if tag not in _VOID:
            self._open.append((tag, takers))
        if tag in _BLOCKS:
            self._write(" ")
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "form":
            self._form = self._named.setdefault(given["id"], Form()) if "id" in given else Form()
            self._form.action, self._form.method = given.get("action", ""), given.get("method", "get").lower()
            self.forms.append(self._form)
        else:
            self._control(tag, given)

    def _control(self, tag: str, given: Attributes) -> None:
        # a control may name a form that is yet to come
        form = self._named.setdefault(given["form"], Form()) if "form" in given else self._form
        name = given.get("name", "")
        if tag == "option" and self._select is not None:
            self._select[2].append((given.get("value", ""), "selected" in given))
        if form is None or "disabled" in given:
            return
        if tag == "button" and given.get("type", "submit") == "submit":
            self._button = (form, given, [])
        elif tag == "select":
            self._select = (form, name, [])
        elif tag == "input" and name:
            kind = given.get("type", "text")
            if kind not in {"checkbox", "radio", "submit", "button", "file"} or "checked" in given:
                form.fields.append((name, given.get("value", "on" if kind == "checkbox" else "")))
            else:
                form.unsent.add(name)
        elif tag == "textarea" and name:
            form.unsent.add(name)

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._write(" ")
        if any(opened == tag for opened, _ in self._open):
            while self._open.pop()[0] != tag:
                pass
        if tag == "form":
            self._form = None
        elif tag == "select" and self._select is not None:
            form, name, options = self._select
            chosen = next(
                (value for value, selected in options if selected), options[0][0] if options else ""
            )
            form.fields.append((name, chosen))
            self._select = None
        elif tag == "button" and self._button is not None:
            form, given, words = self._button
            form.buttons.append((given.get("name", ""), given.get("value", ""), squeeze(words)))
            if "formaction" in given:
                form.elsewhere[squeeze(words)] = given["formaction"]
            self._button = None

    def handle_data(self, data: str) -> None:
        if not any(tag in {"script", "style", "head"} for tag, _ in self._open):
            self._write(data)

    def _write(self, data: str) -> None:
        self.words.append(data)
        for _, takers in self._open:
            for taker in takers:
                taker.append(data)
        if self._button is not None:
            self._button[2].append(data)


def squeeze(words: list[str]) -> str:
    """Text with single blanks."""
    return " ".join("".join(words).split())


def forms_of(page: str) -> list[Form]:
    """The forms of a page; what stands around them is not read."""
    reader = _Reader()
    reader.feed("".join(_FORMS.findall(page)))
    return reader.forms


class Page:
    """An answer, read."""

    def __init__(self, visitor: Visitor, answer: requests.Response) -> None:
        self.visitor, self.status, self.url = visitor, answer.status_code, answer.url
        self.path = urlsplit(answer.url).path
        reader = _Reader()
        reader.feed(answer.text)
        self.text = squeeze(reader.words)
        self.forms, self.links = reader.forms, reader.links
        self.rows = [squeeze(row) for row in reader.rows]
        self._by_id = {name: squeeze(words) for name, words in reader.by_id.items()}

    def part(self, element_id: str) -> str:
        """The words of the element with this id."""
        return self._by_id[element_id]

    def row(self, words: str) -> str:
        """The one table row with these words."""
        found = [row for row in self.rows if words in row]
        assert len(found) == 1, f"{len(found)} rows with {words!r} on {self.path}: {self.rows}"
        return found[0]

    def form(self, action: str) -> Form:
        """The first form that goes to this path (or to the page itself, if it names none)."""
        for form in self.forms:
            if (urlsplit(form.action).path or self.path) == action:
                return form
        raise AssertionError(f"no form to {action} on {self.path}, only {[f.action for f in self.forms]}")

    def press(self, words: str, *, action: str | None = None, **values: str | list[str] | None) -> Page:
        """Fill in a form and press the button with these words; None leaves a field out."""
        path = action or self.path
        for form in self.forms:
            to = form.elsewhere.get(words, form.action)
            if (urlsplit(to).path or self.path) != path:
                continue
            for name, value, label in form.buttons:
                if label == words:
                    return self._send(form, [(name, value)] if name else [], values, to=to)
        raise AssertionError(f"no button {words!r} to {path} on {self.path}:\n{self.text[:2000]}")

    def press_button(self, name: str, value: str) -> Page:
        """Press the button that sends `name=value`, with its form as it stands."""
        for form in self.forms:
            if any((key, worth) == (name, value) for key, worth, _ in form.buttons):
                return self._send(form, [(name, value)], {})
        raise AssertionError(f"no button {name}={value} on {self.path}")

    def _send(
        self,
        form: Form,
        button: list[tuple[str, str]],
        values: dict[str, str | list[str] | None],
        *,
        to: str | None = None,
    ) -> Page:
        data = [(name, value) for name, value in form.fields if name not in values]
        for name, value in values.items():
            given = [] if value is None else value if isinstance(value, list) else [value]
            data += [(name, each) for each in given]
        url = urljoin(self.url, to or form.action or self.url)
        data += button
        if form.method == "post":
            return Page(self.visitor, self.visitor.post(url, data=data))
        return Page(self.visitor, self.visitor.get(url, params=data))


class Visitor(requests.Session):
    """Somebody with cookies of their own at a site."""

    def __init__(self, site: str) -> None:
        super().__init__()
        self.site = site
        self.trust_env = False

    def request(self, method: str, url: str, *args: object, **kwargs: object) -> requests.Response:  # type: ignore[override]
        kwargs.setdefault("timeout", 30)
        return super().request(method, urljoin(self.site, url), *args, **kwargs)  # type: ignore[arg-type]

    def open(self, path: str, **params: str) -> Page:
        """Open a page; its status must be 200."""
        page = Page(self, self.get(path, params=params))
        assert page.status == 200, f"{path} answered {page.status}: {page.text[:500]}"
        return page

    def sign_in(self, email: str, password: str) -> Page:
        """Sign in through the form; returns the page one lands on."""
        return self.open("/login").press("Sign in", email=email, password=password)
