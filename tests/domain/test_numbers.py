"""Numbers of invoices: what is one number, what looks like another, and what is neither."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusker.domain.numbers import loose_forms, strict_form
from tusker.domain.texts import one_line

SPACES = [chr(c) for c in range(0x3001) if unicodedata.category(chr(c)) == "Zs"] + ["\t", "\u2028", "  "]
DASHES = ["-", "‐", "‑", "‒", "–", "—", "―", "−", "﹣", "－", "--"]
UNSEEN = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f", "\ufe0f", "\u200e"]
PARTS = st.lists(st.text("ABCXYZäéß0123456789", min_size=1, max_size=5), min_size=1, max_size=4)


def alike(one: str, other: str) -> bool:
    return not set(loose_forms(one)).isdisjoint(loose_forms(other))


@given(PARTS, st.data())
def test_a_number_typed_differently_is_the_same(parts: list[str], data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.booleans(), min_size=len(parts), max_size=len(parts)))

    def typed() -> str:
        text = ""
        for part, dashed in zip(parts, kinds, strict=True):
            written = data.draw(st.sampled_from([part, part.lower(), part.upper(), wide(part)]))
            written = unicodedata.normalize(data.draw(st.sampled_from(["NFC", "NFD"])), written)
            joint = data.draw(st.sampled_from(DASHES if dashed else SPACES)) if text else ""
            text += joint + data.draw(st.sampled_from(["", *UNSEEN])) + written
        return data.draw(st.sampled_from(["", "'", "’", " ", "\u00a0"])) + text

    assert strict_form(typed()) == strict_form(typed())


def wide(text: str) -> str:
    """Full width, as East Asian keyboards write it."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


@given(PARTS, st.data())
def test_other_separators_and_leading_zeros_look_alike(parts: list[str], data: st.DataObject) -> None:
    joint, other = (data.draw(st.sampled_from([*"-/_. ", "–"])) for _ in range(2))
    number = joint.join(parts)
    assert alike(number, other.join(parts)) or not loose_forms(number)
    assert alike(number, "".join(parts)) or not loose_forms(number)
    padded = [f"{'0' * data.draw(st.integers(0, 3))}{p}" if p.isdigit() else p for p in parts]
    assert alike(number, joint.join(padded)) or not loose_forms(number)


@given(st.text(max_size=60))
def test_forms_are_stable(number: str) -> None:
    assert strict_form(strict_form(number)) == strict_form(number)
    assert bool(strict_form(number)) == bool(number)
    assert loose_forms(strict_form(number)) == loose_forms(number)


@pytest.mark.parametrize(
    ("one", "other", "same", "looks"),
    [
        ("INV-001", "inv-001", True, True),
        ("INV-001", "INV\u2011001", True, True),
        ("INV-001", "ＩＮＶ-001", True, True),
        ("ﬁ-1", "FI-1", True, True),
        ("É-1", "E\u0301-1", True, True),
        ("INV-001", "'INV-001", True, True),
        ("INV-001", "INV 001", False, True),
        ("INV-001", "INV001", False, True),
        ("INV-001", "INV-1", False, True),
        ("INV-001", "lNV-OO1", False, True),
        ("INV-001", "ІNV-001", False, True),
        ("INV-001", "INV-००१", False, True),
        ("É-1", "E-1", False, True),
        ("A-10-01", "A1001", False, True),
        ("A-10-01", "A-10-1", False, True),
        ("INV-10-1", "INV-101", False, True),
        ("INV-1", "INV-10", False, False),
        ("INV-100", "INV-001", False, False),
        ("INV-1", "INV-2", False, False),
        ("--", "//", False, False),
        ("INV-5", "INV No. 5", False, True),
        ("INV-5", "Inv. № 005", False, True),
        ("INV-5", "Invoice No 5", False, True),
        ("INV-5", "InvoiceNo.5", False, True),
        ("INV-5", "Tax Invoice INV-5", False, True),
        ("INV-5", "INV-5 (Copy)", False, True),
        ("5", "Bill No.5", False, True),
        ("5", "Inv n° 5", False, True),
        ("INV-5", "INV No. 6", False, False),
        ("NORTH-5", "NTH-5", False, False),
        ("5", "INV-5", False, False),
        ("INV-5", "INѴー5", False, True),
        ("INV-5", "ɪɴᴠ-5", False, True),
        ("INV-63", "INV-бз", False, True),
        ("OPEN-5", "օpeո-5", False, True),
        ("INV-001", "🅘🅝🅥-⓿⓿❶", False, True),
        ("INV-001", "ıNV-ØƟ|", False, True),
        ("INV-001", "INV|00!", False, True),
        ("INV-001", "ꓲꓠꓦㅡθѳ1", False, True),
        ("INV-001", "ᏆNᏙ-〇〇1", False, True),
        ("SB-86", "5b-BG", False, True),
    ],
)
def test_pairs(one: str, other: str, same: bool, looks: bool) -> None:
    assert (strict_form(one) == strict_form(other), alike(one, other)) == (same, looks)


def test_one_line() -> None:
    assert one_line(" INV\u00a0\t1\ufeff ") == "INV  1"
    assert one_line("two\nlines") == "two\nlines", "left to be refused"
    assert one_line("क्\u200dष") == "क्\u200dष", "joiners are part of how a script is written"
