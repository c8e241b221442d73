"""Walking all pages of a list, in either direction, shows every row once and in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Integer, column, select, values

from tests.support.values import TODAY
from tusker.models import CreditLine, Customer, Invoice
from tusker.queries.loans.loans import due_after, open_loans
from tusker.queries.paging import NEWEST, Cursor, rows_of_page
from tusker.queries.payout.queue import SORTS, queue_page
from tusker.web.paging import KeysetPage, decode_key, keyset_page, text_of_place


@given(ids=st.lists(st.integers(1, 60), unique=True, max_size=30), size=st.integers(1, 8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_pages_there_and_back(app: Flask, ids: list[int], size: int) -> None:
    table = values(column("id", Integer), name="t").data([(0,), *((key,) for key in ids)])
    query = select(table.c.id).where(table.c.id > 0)

    def page(cursor: Cursor) -> KeysetPage[int]:
        rows = [key for (key,) in rows_of_page(query, table.c.id, cursor, size + 1)]
        return keyset_page(rows, cursor, size=size, place=text_of_place)

    there = [page(NEWEST)]
    while there[-1].older is not None:
        there.append(page(Cursor(before=decode_key(there[-1].older))))
    back = [there[-1]]
    while back[-1].newer is not None:
        back.append(page(Cursor(after=decode_key(back[-1].newer))))
    expected = sorted(ids, reverse=True)
    assert [key for found in there for key in found.items] == expected
    assert [key for found in reversed(back) for key in found.items] == expected
    assert all(len(found.items) == size for found in there[:-1])
    assert there[0].newer is None
    assert back[-1].newer is None


@pytest.fixture
def lines(make_supplier: Callable[..., Customer], make_line: Callable[..., CreditLine]) -> list[CreditLine]:
    """Two lines of one supplier."""
    supplier = make_supplier()
    return [make_line(supplier), make_line(supplier)]


@pytest.mark.parametrize("sort", sorted(SORTS))
def test_the_queue_page_by_page_with_many_of_the_same_moment_and_company(
    lines: list[CreditLine], make_invoice: Callable[..., Invoice], sort: str
) -> None:
    made = {make_invoice("financeable", line=line, value=1_000_00).id for line in lines * 3}
    first = Cursor(sort=sort, descending=False)
    whole = [row.id for row in queue_page(today=TODAY, zone="UTC", cursor=first, limit=100)]
    assert set(whole) == made
    for size in range(1, len(made) + 1):
        walked: list[int] = []
        cursor = first
        while rows := queue_page(today=TODAY, zone="UTC", cursor=cursor, limit=size):
            walked += [row.id for row in rows]
            cursor = replace(first, before=(getattr(rows[-1], sort), rows[-1].id))
        assert walked == whole


def test_open_loans_page_by_page_with_many_due_on_the_same_day(
    lines: list[CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    made = {make_invoice("disbursed", line=line, value=1_000_00).id for line in lines * 3}
    whole = open_loans(TODAY)
    assert {row.invoice_id for row in whole} == made
    assert len({row.due_date for row in whole}) == 1
    for size in range(1, len(made) + 1):
        walked = open_loans(TODAY, limit=size)
        while rows := open_loans(
            TODAY, cursor=due_after((walked[-1].due_date, walked[-1].loan_id)), limit=size
        ):
            walked += rows
        assert [row.loan_id for row in walked] == [row.loan_id for row in whole]
