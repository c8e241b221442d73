"""What a credit may have paid: numbers as whole words, names, dues; sure only without a rival."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.profiles import examples
from tusker.domain.bank.judgements import Credit, Judgement, Verdict
from tusker.domain.bank.matching import Book, judge_all
from tusker.domain.loans.sums import OpenLoan, spread, sums_to
from tusker.domain.texts import Numbers, name_words, number_words

DAY = date(2026, 3, 5)
ACME, BOLT, SELLER = 1, 2, 9
NAMES = {ACME: "Acme Retail Pvt. Ltd.", BOLT: "Bolt & Co", SELLER: "Seller GmbH"}


def loan(
    loan_id: int, number: str, due: int | None, debtor: int = ACME, days: int = 0, other: int = SELLER
) -> OpenLoan:
    return OpenLoan(
        loan_id,
        100 + loan_id,
        number,
        f"LN-{loan_id:05}",
        date(2026, 4, 1 + days),
        debtor,
        other,
        lambda _: due,
    )


def judge(credit: Credit, *loans: OpenLoan) -> Judgement:
    return Book(loans, NAMES).judge(credit)


def credit(amount: int, text: str = "", payer: str = "ACME RETAIL PRIVATE LIMITED", **more: object) -> Credit:
    return Credit(amount, DAY, remittance=text, counterparty=payer, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "number", "found"),
    [
        ("payment INV-1", "INV-1", True),
        ("payment inv 1.", "INV-1", True),
        ("NEFT/INV1/ACME", "INV-1", True),
        ("NEFT/123456/INV-1/ACME", "INV-1", True),
        ("INV-1,INV-2", "INV-2", True),
        ("INV-1/INV-2", "INV-1", True),
        ("(INV_1)", "INV-1", True),
        ("INV-10", "INV-1", False),
        ("INV-1-2", "INV-1", False),
        ("INV-1/2", "INV-1", False),
        ("INV-1A", "INV-1", False),
        ("XINV-1", "INV-1", False),
        ("NEFT CR-HDFC0000123-ACME-INV-1-HDFCN52", "INV-1", True),
        ("NEFT_INV-1_ACME", "INV-1", True),
        ("INV-1-B", "INV-1", False),
        ("INV-1/AB.", "INV-1", False),
        ("12-202600", "202600", False),
        ("INV-1.5", "INV-1", False),
        ("Rechnung 2026/0007", "2026-0007", True),
        ("on 2026-03-02", "2026-03", False),
        ("ＩＮＶ－１", "INV-1", True),
        ("ÎNV-1", "INV-1", True),
    ],
)
def test_numbers_are_found_as_whole_words(text: str, number: str, found: bool) -> None:
    assert (Numbers([number_words(number)]).named_in(text) != []) is found


@pytest.mark.parametrize("number", ["7", "2026", "ABC", "", "A1"])
def test_numbers_that_could_be_anything_are_not_looked_for(number: str) -> None:
    assert number_words(number) == ()


def test_a_number_inside_of_a_longer_one_does_not_count() -> None:
    known = {number_words("INV-1"), number_words("INV 1 B 2")}
    assert Numbers(known).named_in("INV 1 B 2") == [number_words("INV 1 B 2")]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Acme Retail Pvt. Ltd.", "ACME RETAIL PRIVATE LIMITED", True),
        ("Müller GmbH", "MULLER", True),
        ("O'Neil Ltd", "ONEIL", True),
        ("Acme Retail", "Acme Retail Two", False),
        ("Ltd", "Ltd", True),
        ("Ltd", "Co", False),
    ],
)
def test_names_are_compared_without_their_legal_form(one: str, other: str, same: bool) -> None:
    assert (name_words(one) == name_words(other)) is same


def test_number_amount_and_payer_are_sure() -> None:
    judged = judge(credit(500, "INV-7"), loan(1, "INV-7", 500), loan(2, "INV-8", 500), loan(3, "INV-70", 500))
    assert judged.verdict is Verdict.SURE
    best = judged.suggestions[0]
    assert (best.customer_id, best.score, [p.loan.loan_id for p in best.parts]) == (ACME, 100, [1])
    assert best.reasons == (
        "text names invoice INV-7",
        "amount is exactly what is due on 5 Mar 2026",
        "payer is Acme Retail Pvt. Ltd.",
    )


@pytest.mark.parametrize(
    ("said", "doubt"),
    [
        (credit(500), "It names no open invoice."),
        (credit(499, "INV-7"), "The amount is not exactly what is due."),
        (credit(501, "INV-7"), "The amount is not exactly what is due."),
        (credit(500, "INV-7", "Somebody Else"), "The payer is no party to it."),
        (credit(500, "INV-7", "Bolt"), "The payer is no party to it."),
        (credit(500, "INV-7 INV-8"), "It names more than it pays."),
    ],
)
def test_what_makes_it_unsure(said: Credit, doubt: str) -> None:
    judged = judge(said, loan(1, "INV-7", 500), loan(2, "INV-8", 400), loan(3, "B-100", 90, BOLT))
    assert (judged.verdict, judged.doubt) == (Verdict.AMBIGUOUS, doubt)


def test_ends_named_by_id_account_and_the_other_party() -> None:
    by_id = judge(credit(500, "", "", end_to_end_id="LN-00001"), loan(1, "INV-7", 500))
    assert (by_id.verdict, by_id.suggestions[0].score) == (Verdict.SURE, 80)
    assert by_id.suggestions[0].reasons[0] == "end-to-end id names LN-00001"
    known = judge(credit(500, "INV-7", "A. C. Me", known_payers=frozenset({ACME})), loan(1, "INV-7", 500))
    assert known.verdict is Verdict.SURE
    seller = judge(credit(500, "INV-7", "Seller"), loan(1, "INV-7", 500))
    assert (seller.verdict, seller.suggestions[0].customer_id) == (Verdict.SURE, SELLER)
    narration = judge(credit(500, "NEFT ACME RETAIL INV-7", ""), loan(1, "INV-7", 500))
    assert narration.suggestions[0].score == 100


def test_several_that_are_named_and_add_up_are_sure() -> None:
    judged = judge(
        credit(900, "INV-7, INV-8"), loan(1, "INV-7", 500), loan(2, "INV-8", 400), loan(3, "X-1000", 900)
    )
    assert judged.verdict is Verdict.SURE
    assert [(p.loan.number, p.amount) for p in judged.suggestions[0].parts] == [
        ("INV-7", 500),
        ("INV-8", 400),
    ]


def test_several_of_one_payer_that_add_up_are_suggested() -> None:
    judged = judge(credit(900), loan(1, "A-100", 500), loan(2, "A-101", 300), loan(3, "A-102", 400))
    assert judged.verdict is Verdict.AMBIGUOUS
    assert [p.loan.loan_id for p in judged.suggestions[0].parts] == [1, 3]
    spread_out = judged.suggestions[1]
    assert [(p.loan.loan_id, p.amount) for p in spread_out.parts] == [(1, 500), (2, 300), (3, 100)]


def test_one_number_at_two_suppliers_is_never_sure_unless_the_amount_tells() -> None:
    twins = loan(1, "INV-7", 500), loan(2, "INV-7", 500, days=1)
    assert judge(credit(500, "INV-7"), *twins).verdict is Verdict.AMBIGUOUS
    assert judge(credit(1000, "INV-7"), *twins).verdict is Verdict.AMBIGUOUS


def test_nothing_fits() -> None:
    assert judge(credit(500, "hello", "Nobody"), loan(1, "INV-7", 400)).verdict is Verdict.NONE
    # before its payout nothing can pay it
    assert judge(credit(500, "INV-7", "Nobody"), loan(1, "INV-7", None)).verdict is Verdict.NONE


def test_two_entries_for_one_loan_are_both_unsure() -> None:
    book = Book([loan(1, "INV-7", 500), loan(2, "INV-8", 400)], NAMES)
    judged = judge_all(book, {1: credit(500, "INV-7"), 2: credit(500, "INV-7"), 3: credit(400, "INV-8")})
    assert [judged[n].verdict for n in (1, 2, 3)] == [Verdict.AMBIGUOUS, Verdict.AMBIGUOUS, Verdict.SURE]


amounts = st.integers(1, 3000)
books = st.lists(
    st.tuples(
        st.sampled_from(["INV-1", "INV-2", "INV-10", "B-200", "C-300"]),
        amounts,
        st.sampled_from([ACME, BOLT]),
    ),
    max_size=9,
)
texts = st.lists(
    st.sampled_from(["INV-1", "inv 2", "INV-10", "B-200", "LN-00001", "LN-00003", "acme retail", "x"]),
    max_size=4,
).map(" ".join)


@settings(max_examples=examples(300))
@given(book=books, amount=amounts, text=texts, payer=st.sampled_from(["", "Acme Retail", "Bolt", "Nobody"]))
def test_no_suggestion_exceeds_the_amount_or_a_due(
    book: list[tuple[str, int, int]], amount: int, text: str, payer: str
) -> None:
    loans = [loan(n, number, due, debtor) for n, (number, due, debtor) in enumerate(book, 1)]
    judged = judge(credit(amount, text, payer), *loans)
    for suggestion in judged.suggestions:
        assert sum(part.amount for part in suggestion.parts) + suggestion.left_over == amount
        assert suggestion.left_over >= 0
        assert all(
            0 < part.amount <= part.due == loans[part.loan.loan_id - 1].due_on(DAY)
            for part in suggestion.parts
        )
        assert len({part.loan.loan_id for part in suggestion.parts}) == len(suggestion.parts)
        assert 0 <= suggestion.score <= 100
    assert [s.score for s in judged.suggestions] == sorted(
        (s.score for s in judged.suggestions), reverse=True
    )
    assert (judged.verdict is Verdict.NONE) == (not judged.suggestions)


@settings(max_examples=examples(200))
@given(book=books, amount=amounts, text=texts)
def test_two_loans_with_equal_evidence_are_never_sure(
    book: list[tuple[str, int, int]], amount: int, text: str
) -> None:
    """A twin of every loan, alike in all but its ids: then nothing can be sure, for whatever was said."""
    once = [loan(n, number, due, debtor) for n, (number, due, debtor) in enumerate(book, 1)]
    twins = [loan(50 + n, number, due, debtor) for n, (number, due, debtor) in enumerate(book, 1)]
    judged = judge(credit(amount, text.replace("LN-", "no ")), *once, *twins)
    assert judged.verdict is not Verdict.SURE


@given(dues=st.lists(st.integers(1, 50), max_size=30), amount=st.integers(1, 400))
def test_sums_and_spreads(dues: list[int], amount: int) -> None:
    loans = [loan(n, f"N-{n}", due) for n, due in enumerate(dues)]
    by_id = dict(enumerate(dues))
    for parts in sums_to(amount, loans, by_id):
        assert sum(part.amount for part in parts) == amount
        assert len(parts) > 1
    spread_out = spread(amount, loans, by_id)
    assert sum(part.amount for part in spread_out) == min(amount, sum(dues))
    assert all(part.amount == part.due for part in spread_out[:-1])


def test_the_search_is_bounded() -> None:
    loans = [loan(n, f"N-{n}", 1000 + n) for n in range(200)]
    dues = {n: 1000 + n for n in range(200)}
    assert sums_to(999_999, loans, dues) == []
    assert len(sums_to(2001, loans, dues)) <= 2


@pytest.mark.parametrize(
    ("payer", "sure"),
    [
        ("ACME RETAIL PVT LTD", True),
        ("Acme Retail Priva", True),
        ("ACME RETAIL P", True),
        ("ACME", False),
        ("ACME RETAILERS", False),
        ("OTHER TRADERS", False),
    ],
)
def test_a_payers_name_that_a_bank_cut_is_known_by_its_beginning(payer: str, sure: bool) -> None:
    judged = judge(credit(100, "INV-100", payer), loan(1, "INV-100", 100))
    assert (judged.verdict is Verdict.SURE) is sure


def test_a_long_name_cut_in_a_word_is_known_unless_two_begin_so() -> None:
    names = {1: "Northern Lights Trading", 2: "Northern Lights Transport", SELLER: "Seller GmbH"}
    paid = credit(100, "INV-100", "NORTHERN LIGHTS TRAD")
    assert Book([loan(1, "INV-100", 100, debtor=1)], names).judge(paid).verdict is Verdict.SURE
    unclear = credit(100, "INV-100", "NORTHERN LIGHTS TRA")
    assert Book([loan(1, "INV-100", 100, debtor=1)], names).judge(unclear).verdict is Verdict.AMBIGUOUS
