"""A company's statement as a PDF file of A4 pages.

The library that writes it takes longer to load than any other: import this module where a file is made.
"""

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from fpdf import FPDF
from fpdf.fonts import TTFFont

from tusker.catalogues import day_words
from tusker.currency import Currency
from tusker.messages import joined, say, shown
from tusker.queries.loans.account_statements.lines import StatementLine
from tusker.queries.loans.account_statements.statement import Statement

FONTS = Path(__file__).resolve().parents[2] / "static" / "vendor" / "dejavu-fonts-2.37.3"
FONT = "DejaVu"
DEVANAGARI_FONTS = FONTS.parent / "noto-devanagari-ttf-0.4.1"
DEVANAGARI_FONT = "NotoDevanagari"
_DEVANAGARI = re.compile("[\u0900-\u097f]")
GREY, BLACK, LINE = 105, 20, 205
MARGIN = 16
ROW = 6.2
HEADS = (say("Date"), say("What"), say("Invoice"), say("Reference"), say("Amount"), say("Balance"))
WIDTHS = (22.0, 33.0, 35.0, 34.0, 27.0, 27.0)


@dataclass(frozen=True, slots=True)
class Letterhead:
    """The sender and the addressee, and how amounts are written."""

    lender: str
    company: str
    made_at: datetime
    money: Currency


def statement_pdf(made: Statement, head: Letterhead) -> bytes:
    """The statement as a file; only the glyphs in use are embedded."""
    page = _Page(head)
    page.set_title(
        shown(
            say(
                "Statement of {company}, {first} to {last}",
                company=head.company,
                first=made.first,
                last=made.last,
            )
        )
    )
    page.set_author(head.lender)
    page.set_creation_date(head.made_at)
    page.add_page()
    _write_title(page, made)
    _write_summary(page, made)
    _write_lines(page, made)
    made_file = bytes(page.output())
    del page
    # each file's fonts are 5 MB that hold one another, and a worker's next collection is far; they are young, and to
    # look through all there is takes half as long as a short file
    gc.collect(1)
    return made_file


class _Page(FPDF):
    """An A4 page with the lender's name on top, a page number, and the table's head on each page."""

    def __init__(self, head: Letterhead) -> None:
        super().__init__(format="A4")
        self.head = head
        self.in_table = False
        self.set_margins(MARGIN, MARGIN, MARGIN)
        self.set_auto_page_break(auto=True, margin=20)
        self.add_font(FONT, "", FONTS / "DejaVuSansCondensed.ttf")
        self.add_font(FONT, "B", FONTS / "DejaVuSansCondensed-Bold.ttf")
        self.alias_nb_pages()

    def header(self) -> None:
        self.write_text(self.head.lender, size=9, grey=True, width=self.epw / 2)
        self.write_text(self.head.company, size=9, grey=True, width=self.epw / 2, align="R", newline=True)
        self.ln(4)
        if self.in_table:
            write_heads(self)

    def footer(self) -> None:
        self.set_y(-14)
        day, code = day_words(self.head.made_at.date()), self.head.money.code
        made = say("Made on {day}. Amounts in {currency}.", day=day, currency=code)
        self.write_text(made, size=7.5, grey=True, width=self.epw / 2)
        self.write_text(
            say("Page {number} of {all}", number=self.page_no(), all="{nb}"),
            size=7.5,
            grey=True,
            width=self.epw / 2,
            align="R",
        )

    def write_text(
        self,
        text: str,
        *,
        width: float,
        size: float = 9,
        height: float = 5,
        bold: bool = False,
        grey: bool = False,
        align: str = "L",
        border: str = "",
        newline: bool = False,
    ) -> None:
        """One cell; text that is too long for it is cut with an ellipsis."""
        self._begin(height, width, size, border, bold=bold, grey=grey)
        self._put(text, width, height, align)
        if newline:
            self.ln(height)

    def write_row(self, cells: tuple[str, ...], *, grey: bool = False) -> None:
        """A line of the table."""
        self._begin(ROW, sum(WIDTHS), 8, "B", grey=grey)
        for column, (text, width) in enumerate(zip(cells, WIDTHS, strict=True)):
            self._put(text, width, ROW, "R" if column > 3 else "L")
        self.ln(ROW)

    def _begin(
        self, height: float, width: float, size: float, border: str, *, bold: bool = False, grey: bool = False
    ) -> None:
        """Room for cells of a height, how they are written, and the border of all of them."""
        self.set_font(FONT, "B" if bold else "", size)
        self.set_text_color(GREY if grey else BLACK)
        self.set_draw_color(LINE)
        if self.will_page_break(height):
            self._perform_page_break()
        if border:
            edge = self.y + (height if border == "B" else 0)
            self.line(self.x, edge, self.x + width, edge)

    def _put(self, text: str, width: float, height: float, align: str) -> None:
        text, room = shown(text), width - 2 * self.c_margin
        if _DEVANAGARI.search(text) or "{nb}" in text:
            with self._shaping(text):
                self.cell(width, height, self._fitting(text, room), align=align)
            return
        text = self._fitting(text, room)  # and without a cell of the library, which costs ten times as much
        indent = room - self._width(text) if align == "R" else 0
        self.text(self.x + self.c_margin + indent, self.y + 0.5 * height + 0.3 * self.font_size, text)
        self.x += width

    @contextmanager
    def _shaping(self, text: str) -> Iterator[None]:
        """Join the letters of Devanagari as they are written. Its font and the shaper are loaded where a text has any:
        other documents need neither."""
        if not _DEVANAGARI.search(text):
            yield
            return
        if DEVANAGARI_FONT.lower() not in self.fonts:
            self.add_font(DEVANAGARI_FONT, "", DEVANAGARI_FONTS / "NotoSansDevanagari-Regular.ttf")
            self.add_font(DEVANAGARI_FONT, "B", DEVANAGARI_FONTS / "NotoSansDevanagari-Bold.ttf")
            self.set_fallback_fonts([DEVANAGARI_FONT], exact_match=True)
        self.set_text_shaping(True)
        yield
        self.set_text_shaping(False)
        self.current_font_is_set_on_page = False  # the other font's is: whoever writes next sets theirs

    def _fitting(self, text: str, width: float) -> str:
        # no-break spaces are of no use in one line
        text = text.replace("\N{NO-BREAK SPACE}", " ")
        if self._width(text) <= width:
            return text
        while text and self._width(f"{text}…") > width:
            text = text[:-1]
        return f"{text}…"

    def _width(self, text: str) -> float:
        if _DEVANAGARI.search(text):
            return self.get_string_width(text)
        return cast(TTFFont, self.current_font).get_text_width(text, self.font_size_pt, None)[1] / self.k


def _write_title(page: _Page, made: Statement) -> None:
    page.ln(4)
    page.write_text(say("Statement"), size=20, height=9, bold=True, width=page.epw, newline=True)
    page.write_text(page.head.company, size=12, height=7, width=page.epw, newline=True)
    role = say("Invoices that it sold") if made.side == "supplier" else say("Invoices that it has to pay")
    days = say("{first} to {last}", first=day_words(made.first), last=day_words(made.last))
    page.write_text(joined([role, days]), size=10, height=6, grey=True, width=page.epw, newline=True)
    page.ln(5)


def _write_summary(page: _Page, made: Statement) -> None:
    """The sum from opening to closing, and beside it the credit, which is not part of it."""
    show = page.head.money.show
    rows = [
        (say("Owed at the end of {day}", day=day_words(made.before)), show(made.opening)),
        (say("+ Disbursed"), show(made.disbursed)),
        (say("+ Interest, fees and penalties"), show(made.charges)),
        (say("− Receipts"), show(made.receipts)),
        (say("− Adjustments"), show(made.adjustments)),
    ]
    for label, amount in rows:
        page.write_text(label, height=6, width=75)
        page.write_text(amount, height=6, width=45, align="R", newline=True)
    page.write_text(
        say("Owed at the end of {day}", day=day_words(made.last)),
        height=8,
        width=75,
        bold=True,
        border="T",
    )
    page.write_text(show(made.closing), height=8, width=45, bold=True, align="R", border="T", newline=True)
    if made.credit:
        words = say(
            "Besides, {amount} received from {company} is not allocated yet.",
            amount=show(made.credit),
            company=page.head.company,
        )
        page.write_text(words, height=7, width=page.epw, grey=True, newline=True)
    page.ln(6)


def _write_lines(page: _Page, made: Statement) -> None:
    write_heads(page)
    page.in_table = True
    page.write_row(("", say("Brought forward"), "", "", "", page.head.money.show(made.opening)), grey=True)
    for line, balance in made.running():
        page.write_row(_cells(line, balance, page.head))
    if not made.lines:
        page.write_text(
            say("No entries in this period."), height=ROW, width=page.epw, grey=True, newline=True
        )
    page.in_table = False
    page.write_text(say("Closing"), height=8, width=sum(WIDTHS[:5]), bold=True, border="T")
    page.write_text(
        page.head.money.show(made.closing),
        height=8,
        width=WIDTHS[5],
        bold=True,
        align="R",
        border="T",
        newline=True,
    )


def _cells(line: StatementLine, balance: int, head: Letterhead) -> tuple[str, ...]:
    return (
        day_words(line.day),
        line.kind.words,
        line.number,
        " / ".join(filter(None, (line.reference, line.platform_reference))),
        head.money.show(line.amount),
        head.money.show(balance),
    )


def write_heads(page: _Page) -> None:
    """The head of the table, again on each page."""
    for head, width in zip(HEADS, WIDTHS, strict=True):
        align = "R" if head in HEADS[4:] else "L"
        page.write_text(head, size=7.5, height=6, width=width, bold=True, grey=True, align=align, border="B")
    page.ln(6)
