"""Templates keep to the content security policy, partials have one root, icons exist, filters write well."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date, format_datetime
from flask import Flask, render_template_string
from jinja2 import Environment, nodes
from markupsafe import Markup
from sqlalchemy import Enum

from scripts import cut_css
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.status import Status, Tone
from tusker.extensions import db
from tusker.models import UserState
from tusker.queries.paging import Cursor
from tusker.web import assets, nav
from tusker.web.filters import day, moment
from tusker.web.paging import decode_key, encode_key, keyset_page

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


def flatten(node: nodes.Node, otherwise: bool) -> str:
    """A template's text with one branch of every condition taken, loops run twice and values left blank.

    Macros are left out: they are texts of their own.
    """
    if isinstance(node, nodes.TemplateData):
        return node.data
    if isinstance(node, nodes.If):
        second = node.elif_[0].body if node.elif_ else node.else_
        return "".join(flatten(child, otherwise) for child in (second if otherwise else node.body))
    if isinstance(node, nodes.For):
        return "".join(flatten(child, otherwise) for child in node.body) * 2
    if isinstance(
        node, (nodes.Template, nodes.Output, nodes.Block, nodes.CallBlock, nodes.Scope, nodes.With)
    ):
        return "".join(flatten(child, otherwise) for child in node.iter_child_nodes())
    return ""


@cache
def parts(source: str) -> list[nodes.Template]:
    """The template itself and each of its macros."""
    tree = Environment(autoescape=True).parse(source)
    return [tree, *(nodes.Template(macro.body) for macro in tree.find_all(nodes.Macro))]


def texts(source: str, otherwise: bool) -> list[str]:
    """The template's own text and that of each of its macros."""
    return [flatten(part, otherwise) for part in parts(source)]


class Lint(HTMLParser):
    """Collects what is wrong in a page's text, and its root elements."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.roots: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self.open:
            self.roots.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        names = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in names):
            self.wrong.append(f"inline <{tag}>")
        for name, value in attrs:
            if name == "style" or re.match(r"on[a-z]|hx-on", name):
                self.wrong.append(f"{name}= on <{tag}>")
            if name == "hx-trigger" and "[" in (value or "").replace("input[type=search]", ""):
                self.wrong.append(f"a filter in hx-trigger on <{tag}> needs eval")
            if name.startswith("hx-") and (value or "").startswith(("js:", "javascript:")):
                self.wrong.append(f"{name} with js: on <{tag}>")
            if name in {"src", "href"} and (value or "").startswith(("http:", "//", "javascript:")):
                self.wrong.append(f"{name}={value} on <{tag}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes something else")


def lint(source: str) -> list[Lint]:
    """The findings with each side of all conditions taken; the template's own text comes before its macros'."""
    found = []
    for otherwise in (False, True):
        for text in texts(source, otherwise):
            checker = Lint()
            checker.feed(text)
            checker.close()
            checker.wrong += [f"<{tag}> is never closed" for tag in checker.open]
            found.append(checker)
    return found


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT / "templates")))
def test_template(template: Path) -> None:
    source = template.read_text()
    assert [wrong for checker in lint(source) for wrong in checker.wrong] == []
    if template.name.startswith("_"):
        for otherwise in (False, True):
            checker = Lint()
            checker.feed(texts(source, otherwise)[0])
            assert len(checker.roots) <= 1, f"a partial has one root element, not {checker.roots}"


@pytest.mark.parametrize(
    "bad",
    [
        '<p style="color: red">',
        "<script>alert(1)</script>",
        "<style>p {}</style>",
        '<a onclick="x()"></a>',
        '<a hx-on:click="x()"></a>',
        '<a hx-trigger="click[ctrlKey]"></a>',
        '<a hx-vals="js:{a: 1}"></a>',
        '{% if a %}<p>{% else %}<a href="https://x"></a><script>1</script>{% endif %}',
        '<img src="http://cdn.example/x.png">',
        "<div><p></div>",
        "{% macro a() %}<p style=''></p>{% endmacro %}",
    ],
)
def test_the_lint_finds(bad: str) -> None:
    assert any(checker.wrong for checker in lint(bad))


def test_the_lint_counts_roots() -> None:
    assert [len(checker.roots) for checker in lint("{% if a %}<p></p>{% else %}<p></p><br>{% endif %}")] == [
        1,
        2,
    ]
    assert len(lint("{% for a in b %}<tr></tr>{% endfor %}")[0].roots) == 2


def test_templates_import_what_they_use() -> None:
    trees = {
        str(template.relative_to(ROOT / "templates")): parts(template.read_text())[0]
        for template in TEMPLATES
    }
    macros = {name: {macro.name for macro in tree.find_all(nodes.Macro)} for name, tree in trees.items()}
    wrong = []
    for template, tree in trees.items():
        used = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "load"}
        for statement in tree.find_all(nodes.FromImport):
            assert isinstance(statement.template, nodes.Const)
            for name in statement.names:
                there, here = (name, name) if isinstance(name, str) else name
                if here not in used:
                    wrong.append(f"{template} imports {here} and does not use it")
                if there not in macros[statement.template.value]:
                    wrong.append(f"{template} imports {there}, which {statement.template.value} has not")
    assert wrong == []


def test_no_folder_of_pages_is_a_pile() -> None:
    pages = Counter(str(template.parent.relative_to(ROOT)) for template in TEMPLATES)
    assert [folder for folder, count in pages.items() if count > 16] == []


def test_tables_are_written_by_their_macro() -> None:
    writing = [
        str(template.relative_to(ROOT / "templates"))
        for template in TEMPLATES
        if re.search(r"<(table|thead|tfoot)\b", template.read_text())
    ]
    assert writing == ["macros/table.html"]


TABLE = """{% from "macros/table.html" import amount_cell, table, unseen %}
{% call(row) table("Bills", ["Bill", ("Sum", "text-end"), (unseen("Actions"), "tk-tight")], rows, **options) %}
<tr><td>{{ row[0] }}</td>{{ amount_cell(row[1]) }}<td></td></tr>{% endcall %}"""


@pytest.fixture
def show(app: Flask) -> Callable[..., str]:
    """A table of bills as its macro writes it, without the spaces between elements."""

    def render(rows: list[tuple[str, int]], **options: object) -> str:
        with app.test_request_context():
            html = render_template_string(TABLE, rows=rows, options=options)
        return re.sub(r"\s*(<[^>]+>)\s*", r"\1", html)

    return render


def test_a_table_names_itself_and_its_columns(show: Callable[..., str]) -> None:
    html = show([("B-1", 12500)])
    assert '<table class="table table-vcenter card-table" aria-label="Bills">' in html
    assert '<th scope="col">Bill</th><th scope="col" class="text-end">Sum</th>' in html
    assert '<th scope="col" class="tk-tight"><span class="visually-hidden">Actions</span></th>' in html
    assert '<tbody><tr><td>B-1</td><td class="text-end"><span class="tk-money">₹125.00</span></td>' in html
    assert "<tfoot>" not in html


def test_a_table_without_rows_says_what_belongs_there(show: Callable[..., str]) -> None:
    assert show([], empty=Markup("<p>No bills yet</p>")) == "<p>No bills yet</p>"
    assert "<p>" not in show([("B-1", 1)], empty=Markup("<p>No bills yet</p>"))


def test_the_totals_stand_under_their_columns(show: Callable[..., str]) -> None:
    html = show([("B-1", 1)], totals=[("Together", 100, ""), ("All of it", "three bills")])
    foot = html[html.index("<tfoot>") : html.index("</tfoot>")]
    first, second = foot.split("</tr>")[:2]
    assert first.endswith(
        '<td>Together</td><td class="text-end"><span class="tk-money">₹1.00</span></td><td class="tk-tight"></td>'
    )
    assert second.endswith('<td colspan="2">All of it</td><td class="tk-tight">three bills</td>')


def test_more_rows_are_a_link_below_the_last(show: Callable[..., str]) -> None:
    html = show([("B-1", 1)], more=("/bills?after=1", "Show more"))
    assert '<td colspan="3" class="text-center"><a class="btn btn-sm" href="/bills?after=1"' in html
    assert html.index("B-1") < html.index("/bills?after=1") < html.index("</tbody>")


def test_vendored_files_stand_where_pages_look(session_app: Flask) -> None:
    for path in (assets.TABLER_CSS, assets.HTMX_JS, assets.ICON_SPRITE):
        assert (ROOT / "static" / path).is_file(), path
    css = (ROOT / "static/css/tusker.css").read_text()
    for path in re.findall(r'url\("\.\./([^"]+)"\)', css):
        assert (ROOT / "static" / path).is_file(), path


def test_every_class_in_use_is_in_the_cut_style_sheet() -> None:
    """`make css` cuts it anew."""
    cut = cut_css.CUT.read_text()
    now = cut_css.classes_of(cut_css.parse(cut_css.cut()))
    missing = now - cut_css.classes_of(cut_css.parse(cut))
    assert missing == set()
    assert "navbar-vertical" in cut_css.WHOLE.read_text(), "the whole sheet has what is not used"
    assert "navbar-vertical" not in cut
    assert len(cut) < 120_000


def test_icons_are_in_the_sprite() -> None:
    sprite = (ROOT / "static" / assets.ICON_SPRITE).read_text()
    known = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    used = {icon for entries in nav.BY_ROLE.values() for _, icon, *_ in entries}
    for template in TEMPLATES:
        text = template.read_text()
        used |= set(re.findall(r"""(?:icon|empty_state)\(\s*["']([a-z0-9-]+)["']""", text))
        used |= set(re.findall(r"""icon_name=["']([a-z0-9-]+)["']""", text))
    assert used - known == set()


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("{{ 12500000|money }}", "₹1,25,000.00"),
        ("{{ none|money }}", "–"),
        ("{{ 12500001|money_plain }}", "125000.01"),
        ("{{ rate|percent }}", "18.5%"),
        ("{{ whole|percent }}", "100%"),
        ("{{ whole|percent_plain }}", "100"),
        ("{{ 1234567|number }}", "12,34,567"),
        ("{{ day|day }}", '<time datetime="2026-03-05">5 Mar 2026</time>'),
        ("{{ none|day }}", "–"),
        ("{{ 'written_off'|status_label }}", "Written off"),
        ("{{ 'out_for_delivery'|status_label }}", "Out for delivery"),
        ("{{ 'Asha Textiles L2B'|status_label }}", "Asha Textiles L2B"),
        (
            "{{ 'tusker supplier C-N A'|event_value('carrier_id_added') }}",
            "C-N A at Tusker courier, as supplier",
        ),
        (
            "{{ '2026-01-01 – open'|event_value('supplier_dates_changed') }}",
            "1 Jan 2026 – open",
        ),
        ("{{ 'bank-2026-01-01.csv'|event_value('statement_imported') }}", "bank-2026-01-01.csv"),
        ("{{ none|event_value('bundled') }}", "–"),
    ],
)
def test_filters(app: Flask, template: str, shown: str) -> None:
    with app.test_request_context():
        values = {"rate": Decimal("0.185000"), "whole": Decimal("1.000000"), "day": date(2026, 3, 5)}
        assert render_template_string(template, **values) == shown


def test_moments_are_shown_in_the_time_zone(app: Flask) -> None:
    with app.test_request_context():
        shown = render_template_string("{{ at|moment }}", at=datetime(2026, 3, 5, 20, 0, tzinfo=UTC))
    assert ">6 Mar 2026, 01:30</time>" in shown
    assert 'datetime="2026-03-05T20:00:00+00:00"' in shown


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Europe/Berlin", "Australia/Lord_Howe"])
def test_moments_and_days_are_written_as_the_library_writes_them(
    app: Flask, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "TIMEZONE", tz := ZoneInfo(zone))
    began = datetime(2026, 3, 27, 23, 20, 7, tzinfo=UTC)  # clocks change within these days
    with app.test_request_context():
        for at in (began + timedelta(minutes=37 * i) for i in range(260)):
            words = [
                format_datetime(at, pattern, tzinfo=tz, locale="en_IN")
                for pattern in ("EEE d MMM y, HH:mm:ss zzz", "d MMM y, HH:mm")
            ]
            assert moment(at) == f'<time datetime="{at.isoformat()}" title="{words[0]}">{words[1]}</time>'
            today = format_date(at.date(), "d MMM y", locale="en_IN")
            assert day(at.date()) == f'<time datetime="{at.date()}">{today}</time>'


@pytest.mark.parametrize(
    ("limit", "used", "width", "tone", "left"),
    [
        (1000_00, 250_00, "25.0", "primary", "₹750.00"),
        (1000_00, 950_00, "95.0", "warning", "₹50.00"),
        (1000_00, 1200_00, "100.0", "danger", "₹0.00"),
        (0, 0, "0.0", "primary", "₹0.00"),
    ],
)
def test_limit_bar(app: Flask, limit: int, used: int, width: str, tone: str, left: str) -> None:
    with app.test_request_context():
        html = render_template_string(
            '{% from "macros/ui.html" import limit_bar %}{{ limit_bar(limit, used, "Limit") }}',
            limit=limit,
            used=used,
        )
    assert f'width="{width}"' in html
    assert f"text-{tone}" in html
    assert f"{left}</strong> left" in html
    assert ("over by" in html) == (used > limit)


def test_a_status_is_shown_in_its_words_and_colour(app: Flask) -> None:
    source = '{% from "macros/ui.html" import status_badge %}{{ status_badge(status, id="here") }}'
    with app.test_request_context():
        badge = render_template_string(source, status=InvoiceStatus.WRITTEN_OFF)
    assert badge.strip() == (
        '<span class="badge tk-badge tk-tone-pink" id="here" data-status="written_off">Written off</span>'
    )


def test_every_status_has_a_tone_that_the_style_sheet_knows(app: Flask) -> None:
    css = (ROOT / "static/css/tusker.css").read_text()
    known = {Tone.GREY, *re.findall(r"\.tk-tone-(\w+) ", css)}
    statuses = [member for status in Status.__subclasses__() for member in status]
    assert {InvoiceStatus.APPROVED, UserState.INACTIVE} <= set(statuses)
    assert [member for member in statuses if member.tone not in known] == []


def test_columns_of_statuses_are_statuses(app: Flask) -> None:
    columns = [
        column
        for table in db.metadata.tables.values()
        for column in table.columns
        if column.name in {"status", "state", "told_status"}
    ]
    assert len(columns) > 8
    plain = [str(column) for column in columns if not isinstance(column.type, Enum)]
    others = [
        str(c) for c in columns if isinstance(c.type, Enum) and not issubclass(c.type.enum_class, Status)
    ]
    assert plain + others == []


def rows(*keys: int) -> list[int]:
    return list(keys)


@pytest.mark.parametrize(
    ("given", "cursor", "items", "newer", "older"),
    [
        (rows(9, 8, 7), Cursor(), [9, 8], None, 8),
        (rows(9, 8), Cursor(), [9, 8], None, None),
        (rows(7, 6, 5), Cursor(before=8), [7, 6], 7, 6),
        (rows(5), Cursor(before=6), [5], 5, None),
        (rows(9, 8, 7), Cursor(after=6), [8, 7], 8, 7),
        (rows(9, 8), Cursor(after=7), [9, 8], None, 8),
        (rows(), Cursor(), [], None, None),
    ],
)
def test_keyset_pages(
    given: list[int], cursor: Cursor, items: list[int], newer: int | None, older: int | None
) -> None:
    page = keyset_page(given, cursor, size=2, place=encode_key)
    assert list(page.items) == items
    assert (page.newer and decode_key(page.newer)) == newer
    assert (page.older and decode_key(page.older)) == older


def test_cursors_survive_the_round_trip() -> None:
    for key in (0, 1, 7, 10**17):
        assert decode_key(encode_key(key)) == key
