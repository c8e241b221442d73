"""The books that benchmarks run on are true to the schema and to the rules."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import text

from bench.books import fill
from tests.support.values import TODAY
from tusker.extensions import db
from tusker.jobs.positions import keep_positions
from tusker.queries.loans.position_proof import wrong_positions
from tusker.queries.loans.positions import loan_totals
from tusker.queries.record.proof import prove

pytestmark = pytest.mark.usefixtures("stopped_clock")


def test_a_generated_book_is_proved(app: Flask) -> None:
    url = app.config["SQLALCHEMY_DATABASE_URI"].replace("+psycopg2", "")
    indexes = db.session.execute(text("SELECT count(*) FROM pg_indexes")).scalar()
    db.session.rollback()
    fill(url, 2_000, TODAY, datetime.combine(TODAY, datetime.min.time(), UTC), "correct horse battery")
    assert db.session.execute(text("SELECT count(*) FROM pg_indexes")).scalar() == indexes
    computed = loan_totals(TODAY)
    db.session.rollback()
    keep_positions()
    assert prove(wrong_positions(TODAY)).holds
    assert loan_totals(TODAY) == computed
    assert computed.count == 404
