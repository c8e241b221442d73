"""The import page: upload, columns, preview, import, result; for admins only, and without JavaScript."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis.exceptions import ConnectionError as RedisConnectionError
from werkzeug.test import TestResponse

from tests.support.invoice_files import HEADER, ROW, ImportDesk, csv_of, everything
from tusker.admin.credit import import_files
from tusker.models import Role

CHOICES = {
    "number": "No",
    "supplier": "Seller",
    "purchaser": "Buyer",
    "amount": "Amount",
    "date": "Date",
    "date_format": "iso",
}
Login = Callable[..., FlaskClient]


def upload(browser: FlaskClient, text: str | bytes, name: str = "my.csv") -> TestResponse:
    """Send a file."""
    data = text.encode() if isinstance(text, str) else text
    return browser.post("/admin/import", data={"file": (io.BytesIO(data), name)})


def uploaded(browser: FlaskClient, text: str) -> str:
    """Send a file and return the page of its columns."""
    answer = upload(browser, text)
    assert answer.status_code == 303, answer.text
    return answer.location


def words(answer: TestResponse) -> str:
    """The text of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def test_from_the_file_to_the_result(importer: ImportDesk, login: Login) -> None:
    browser = login(Role.ADMIN)
    page = uploaded(browser, csv_of(ROW, "INV-2,S-1,B-1,$5,2026-02-27", "=INV-3,S-1,B-1,20000,2026-02-27"))
    columns = browser.get(page)
    assert columns.status_code == 200
    assert "my.csv, 3 rows" in words(columns)
    assert '<option selected value="No">' in columns.text  # guessed from the header
    before = everything()
    preview = browser.post(page, data={**CHOICES, "action": "preview"}, follow_redirects=True)
    assert "Nothing has been saved yet." in words(preview)
    assert "Amount: “$5” is not an amount" in words(preview)
    assert everything() == before
    result = browser.post(page, data={**CHOICES, "action": "import"}, follow_redirects=True)
    assert "Import finished" in words(result)
    assert everything()["invoices"] == before["invoices"] + 2
    assert "The credit line limit is exceeded by ₹6,800.00." in words(result)
    rows = list(csv.reader(io.StringIO(browser.get(page + "/refusals.csv").text)))
    assert rows[0][:2] == ["line", "number"]
    assert [row[0] for row in rows[1:]] == ["3", "4"]
    assert rows[2][1] == "'=INV-3"  # a spreadsheet must not run it
    assert rows[2][4] == "20000.00"
    again = browser.post(page, data={**CHOICES, "action": "import"}, follow_redirects=True)
    assert "Nothing changed" in words(again)


def test_what_was_chosen_is_remembered(importer: ImportDesk, login: Login) -> None:
    browser = login(Role.ADMIN)
    page = uploaded(browser, csv_of("INV-1,S-1,B-1,5,27/02/2026"))
    assert '<option selected value="%d/%m/%Y">' in browser.get(page).text  # guessed from the dates
    chosen = {**CHOICES, "date_format": "%d/%m/%Y", "all_or_nothing": "y", "number": "Date", "date": "Date"}
    browser.post(page, data={**chosen, "action": "preview"})
    remembered = browser.get(page).text
    assert re.search(r'<select[^>]*name="number"[^>]*>.*?<option selected value="Date">', remembered, re.S)
    assert re.search(r'<input checked[^>]*name="all_or_nothing"', remembered)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "File: The file is empty."),
        (b"a,b\n", "no rows"),
        ("Käse,b\n1,2\n".encode("latin-1"), "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read(importer: ImportDesk, login: Login, data: bytes, says: str) -> None:
    before = everything()
    answer = upload(login(Role.ADMIN), data)
    assert answer.status_code == 422
    assert says in words(answer) or says.removeprefix("File: ") in words(answer)
    assert everything() == before | {"events": everything()["events"]}


def test_no_file_and_a_missing_choice(importer: ImportDesk, login: Login) -> None:
    browser = login(Role.ADMIN)
    nothing = browser.post("/admin/import", data={})
    assert nothing.status_code == 422
    assert "Choose a CSV file." in words(nothing)
    page = uploaded(browser, csv_of(ROW, header=HEADER.replace("Amount", "Betrag")))
    before = everything()
    answer = browser.post(page, data={**CHOICES, "amount": "", "action": "import"})
    assert answer.status_code == 422
    assert "Amount is required." in words(answer)
    forged = browser.post(page, data={**CHOICES, "action": "import"})
    assert forged.status_code == 422
    assert "Amount: choose one of the list." in words(forged)
    assert everything() == before


def test_an_upload_belongs_to_its_user_and_to_an_hour(app: Flask, importer: ImportDesk, login: Login) -> None:
    browser = login(Role.ADMIN)
    page = uploaded(browser, csv_of(ROW))
    for method in ("get", "post"):
        assert getattr(login(Role.ADMIN), method)(page).status_code == 404
    assert browser.get("/admin/import/../../etc").status_code == 404
    assert browser.get(page + "/result").status_code == 404
    assert browser.get(page + "/refusals.csv").status_code == 404
    keys = app.extensions["tusker_redis"].keys("tusker:upload:*")
    assert keys
    assert all(0 < app.extensions["tusker_redis"].ttl(key) <= 3600 for key in keys)
    app.extensions["tusker_redis"].flushdb()
    gone = browser.get(page)
    assert gone.status_code == 404
    assert "Upload it again." in words(gone)


def test_without_redis_nothing_is_lost_but_the_upload(
    importer: ImportDesk, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = login(Role.ADMIN)

    def away() -> Any:
        raise RedisConnectionError("away")

    monkeypatch.setattr(import_files, "redis_connection", away)
    answer = upload(browser, csv_of(ROW))
    assert answer.status_code == 422
    assert "The file cannot be kept at the moment" in words(answer)


def test_auditors_look_and_companies_stay_outside(
    importer: ImportDesk, login: Login, client: FlaskClient
) -> None:
    page = uploaded(login(Role.ADMIN), csv_of(ROW))
    auditor = login(Role.AUDITOR)
    looked = auditor.get("/admin/import")
    assert looked.status_code == 200
    assert 'type="file"' not in looked.text
    supplier = login(Role.SUPPLIER, customer=importer.lines["S-1 B-1"].supplier.customer)
    for browser in (auditor, supplier):
        for path in ("/admin/import", page):
            assert browser.post(path).status_code == 403
        for path in (page, page + "/result", page + "/refusals.csv"):
            assert browser.get(path).status_code == 403
    assert supplier.get("/admin/import").status_code == 403
    assert "/login" in client.get("/admin/import").location
