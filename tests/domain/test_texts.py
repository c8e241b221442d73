"""Numbers and names as banks and people write them."""

from __future__ import annotations

import pytest

from tusker.domain.texts import Numbers, name_words, number_words, without_cut_form


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("INV-7", ("inv", "7")),
        ("ＩＮＶ７", ("inv", "7")),
        ("A1", ()),  # three characters are the least of one with letters
        ("AB1", ("ab", "1")),
        ("2026", ()),  # and five digits of one without
        ("20261", ("20261",)),
        ("ACME", ()),  # no digit: a word
    ],
)
def test_a_number_that_says_too_little_is_not_looked_for(number: str, words: tuple[str, ...]) -> None:
    assert number_words(number) == words


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("NEFT-INV-7-ACME", True),
        ("inv 7", True),
        ("INV7", True),
        ("(INV-7)", True),
        ("INV-7/B", False),  # another number that begins so
        ("INV-7-2", False),
        ("INV-77", False),
        ("XINV-7", False),
        ("INV-7.", True),
        ("INV-7/SETTLED", True),
    ],
)
def test_a_number_counts_where_it_stands_whole(text: str, named: bool) -> None:
    known = {("inv", "7")}
    assert Numbers(known).named_in(text) == ([("inv", "7")] if named else [])


def test_the_longest_of_nested_numbers_counts() -> None:
    known = {("inv", "7"), ("acme", "inv", "7"), ("12", "2026", "7"), ("2026", "7")}
    text = "ACME-INV-7 AND 12-2026-7"
    assert set(Numbers(known).named_in(text)) == {("acme", "inv", "7"), ("12", "2026", "7")}


def test_digits_behind_a_joint_and_more_digits_are_another_number() -> None:
    known = {("20267",)}
    assert Numbers(known).named_in("12-20267") == []
    assert Numbers(known).named_in("X-20267") == [("20267",)]


def test_names_are_their_words_without_legal_forms() -> None:
    assert name_words("Acmé & Söhne GmbH") == ("acme", "sohne")
    assert name_words("M/s. D'Souza Pvt. Ltd.") == ("dsouza",)
    assert name_words("The Company Ltd") == ("the", "company", "ltd")
    assert without_cut_form(("acme", "priv")) == ("acme",)
    assert without_cut_form(("acme", "steel")) == ("acme", "steel")
    assert without_cut_form(("priv",)) == ("priv",)
