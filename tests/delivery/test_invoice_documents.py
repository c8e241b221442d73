"""The document of an invoice: what is taken, who sees it, how it is served, and where it lies."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

import config
from tests.support.api import Api
from tests.support.courier_double import CourierDouble
from tests.support.tokens import token_made
from tusker.domain.delivery.financeable import Condition
from tusker.domain.files import MediaType, media_type_of, name_to_show
from tusker.extensions import db
from tusker.jobs.waiting import admit_waiting
from tusker.models import CreditLine, Event, Invoice, Role, ShipmentDocument
from tusker.queries.delivery.conditions import unready_ids
from tusker.services.context import Context
from tusker.services.credit.requesting.financing import request_financing
from tusker.services.delivery.conditions import Judge, allowed, lock_pairs
from tusker.services.delivery.document_files import content_of
from tusker.transactions import transaction

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256))
PDF = b"%PDF-1.7\n1 0 obj\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"
PAGE = b"<!doctype html><script>alert(1)</script>"
MB = 1024 * 1024

Login = Callable[..., FlaskClient]


def send(browser: FlaskClient, invoice: Invoice, content: bytes, name: str = "inv.pdf") -> TestResponse:
    return browser.post(f"/invoices/{invoice.id}/documents", data={"document": (io.BytesIO(content), name)})


def kept() -> list[ShipmentDocument]:
    db.session.rollback()
    return list(db.session.scalars(select(ShipmentDocument).order_by(ShipmentDocument.id)))


@pytest.fixture
def invoice(make_invoice: Callable[..., Invoice]) -> Invoice:
    return make_invoice()


@pytest.fixture
def supplier(login: Login, invoice: Invoice) -> FlaskClient:
    return login(Role.SUPPLIER, customer=invoice.supplier)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PDF, MediaType.PDF),
        (PNG, MediaType.PNG),
        (JPEG, MediaType.JPEG),
        (b"\n" + PDF, None),
        (PAGE + PDF, None),
        (PNG[:8], None),
        (b"GIF89a", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"PK\x03\x04", None),
    ],
)
def test_the_first_bytes_say_the_type(content: bytes, kind: MediaType | None) -> None:
    assert media_type_of(content) is kind


def test_a_name_is_words_and_no_path() -> None:
    assert name_to_show("C:\\invoices\\..\\Inv 7.pdf") == "Inv 7.pdf"
    assert name_to_show("../../etc/pass\u202ewd\x00.png") == "passwd.png"
    assert name_to_show(" / ") == "document"
    assert len(name_to_show("x" * 900)) == 200


def test_it_is_shown_to_those_who_see_the_invoice_and_the_older_one_stays(
    login: Login, invoice: Invoice, supplier: FlaskClient, make_invoice: Callable[..., Invoice]
) -> None:
    assert send(supplier, invoice, PDF, "first.exe").status_code == 303
    assert send(login(Role.ADMIN), invoice, PNG, "new <b>.png").status_code == 303
    first, second = kept()
    assert (first.media_type, first.file_name, first.size) == ("application/pdf", "first.exe", len(PDF))
    events = db.session.scalars(select(Event).where(Event.kind == "document_sent").order_by(Event.id)).all()
    assert [(e.subject_id, e.data["sha256"]) for e in events] == [
        (invoice.id, d.identity) for d in (first, second)
    ]
    other = make_invoice()
    at = f"/invoices/{invoice.id}/documents/{second.id}"
    for browser, code in (
        (supplier, 200),
        (login(Role.PURCHASER, customer=invoice.purchaser), 200),
        (login(Role.AUDITOR), 200),
        (login(Role.SUPPLIER, customer=other.supplier), 404),
        (login(Role.PURCHASER, customer=other.purchaser), 404),
    ):
        answer = browser.get(at)
        assert (answer.status_code, answer.data == PNG) == (code, code == 200)
        page = browser.get(f"/invoices/{invoice.id}")
        assert page.status_code == code
        if code == 200:
            assert page.text.count("replaced by a newer one") == 1
            assert page.text.index("new &lt;b&gt;.png") < page.text.index("first.exe")
    # an invoice's documents are not another's
    assert login(Role.ADMIN).get(f"/invoices/{other.id}/documents/{second.id}").status_code == 404


def test_it_is_served_so_that_it_can_do_nothing(supplier: FlaskClient, invoice: Invoice) -> None:
    send(supplier, invoice, PDF + PAGE, "a.html")
    [document] = kept()
    at = f"/invoices/{invoice.id}/documents/{document.id}"
    headers = supplier.get(at).headers
    assert headers["Content-Type"] == "application/pdf"
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "sandbox", "frame-ancestors 'none'"} <= set(policy)
    assert not any("script" in rule for rule in policy)
    assert headers["Content-Disposition"] == f"inline; filename=document-{document.id}.pdf"
    saved = supplier.get(at, query_string={"download": "1"}).headers["Content-Disposition"]
    assert saved == f"attachment; filename=document-{document.id}.pdf"
    assert "no-store" in headers["Cache-Control"]


def test_what_is_refused_leaves_nothing(
    app: Flask, login: Login, invoice: Invoice, supplier: FlaskClient, make_invoice: Callable[..., Invoice]
) -> None:
    other = make_invoice()
    for browser, content, code, words in (
        (supplier, PAGE, 422, "must be a PDF, PNG or JPEG"),
        (supplier, b"", 422, "The file is empty"),
        (supplier, PDF + b" " * (10 * MB + 1 - len(PDF)), 422, "at most 10 MB"),
        (supplier, PDF + b" " * (11 * MB), 422, "at most 10 MB"),
        (login(Role.SUPPLIER, customer=other.supplier), PDF, 404, ""),
        (login(Role.SUPPLIER, customer=other.supplier), PDF + b" " * (11 * MB), 404, ""),
        (login(Role.PURCHASER, customer=invoice.purchaser), PDF, 403, ""),
        (login(Role.AUDITOR), PDF, 403, ""),
    ):
        answer = send(browser, invoice, content)
        assert (answer.status_code, words in answer.text) == (code, True), words
    assert supplier.post(f"/invoices/{invoice.id}/documents").status_code == 422
    assert kept() == []
    assert send(supplier, invoice, PDF).status_code == 303
    again = send(supplier, invoice, PDF)
    assert (again.status_code, "with the invoice already" in again.text) == (409, True)
    assert supplier.post(f"/invoices/{invoice.id}/cancel", data={"reason": "Not needed"}).status_code == 303
    assert send(supplier, invoice, PNG).status_code == 409
    assert len(kept()) == 1


def test_a_body_that_is_too_large_is_not_read_to_its_end(supplier: FlaskClient, invoice: Invoice) -> None:
    """Its length alone refuses it: the stream behind it is never asked."""

    class Unread(io.RawIOBase):
        def readable(self) -> bool:
            return True

        at = 0

        def seek(self, offset: int, whence: int = 0) -> int:
            self.at = offset + (0, self.at, 15 * MB)[whence]
            return self.at

        def readinto(self, _buffer: Any) -> int:
            raise AssertionError("it was read")

    answer = supplier.post(
        f"/invoices/{invoice.id}/documents",
        input_stream=Unread(),
        content_type="multipart/form-data; boundary=x",
    )
    assert (answer.status_code, "at most 10 MB" in answer.text) == (422, True)


@pytest.mark.parametrize(
    ("program", "seconds", "words"),
    [
        ("import sys; sys.exit(0 if sys.stdin.buffer.read().startswith(b'%PDF') else 3)", 20, None),
        ("import sys; sys.exit(1 if sys.stdin.buffer.read() else 0)", 20, "refused this file"),
        ("import threading; threading.Event().wait()", 0.3, "could not be scanned now"),
        (None, 20, "could not be scanned now"),
    ],
)
def test_a_scan_decides(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    supplier: FlaskClient,
    invoice: Invoice,
    program: str | None,
    seconds: float,
    words: str | None,
) -> None:
    command = [sys.executable, "-c", program] if program else ["/nowhere/clamdscan"]
    monkeypatch.setitem(app.config, "DOCUMENT_SCAN_COMMAND", command)
    monkeypatch.setitem(app.config, "DOCUMENT_SCAN_SECONDS", seconds)
    answer = send(supplier, invoice, PDF)
    if words is None:
        assert answer.status_code == 303
        assert len(kept()) == 1
    else:
        assert (answer.status_code, words in answer.text) == (422, True)
        assert kept() == []


def test_a_folder_holds_whole_files_only(
    app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, supplier: FlaskClient, invoice: Invoice
) -> None:
    monkeypatch.setitem(app.config, "DOCUMENT_FOLDER", str(tmp_path / "documents"))
    assert send(supplier, invoice, PDF).status_code == 303
    [document] = kept()
    assert document.content is None
    [place] = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert (place.name, place.read_bytes()) == (document.identity, PDF)
    assert supplier.get(f"/invoices/{invoice.id}/documents/{document.id}").data == PDF

    def full(_file: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        send(supplier, invoice, PNG)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [place]
    assert len(kept()) == 1
    place.write_bytes(PNG)
    [document] = kept()
    with pytest.raises(RuntimeError, match="not the one that was sent"):
        content_of(document)


def test_the_database_keeps_a_document_whole(supplier: FlaskClient, invoice: Invoice) -> None:
    send(supplier, invoice, PDF)
    for wrong in (
        "size = 3",
        "content = 'x'",
        "file_name = NULL",
        "kind = 'other'",
        "media_type = 'text/html'",
        "sent_at = NULL",
    ):
        with pytest.raises(IntegrityError), transaction():
            db.session.execute(text(f"UPDATE shipment_documents SET {wrong}"))


def test_it_comes_with_the_request(
    login: Login, make_line: Callable[..., CreditLine], courier: CourierDouble
) -> None:
    line = make_line()
    browser = login(Role.SUPPLIER, customer=line.supplier.customer)
    asked = {"action": "request", "terms_version": "1"}
    for ref in ("A-1", "A-2", "A-3"):
        courier.add_order(ref, line.supplier_id, line.purchaser_id, 1_000_00)
    for ref, content, code, files in (("A-1", PAGE, 422, 0), ("A-1", PNG, 303, 1), ("A-2", b"", 303, 1)):
        sent = {"document": (io.BytesIO(content), "a.png" if content else "")}
        answer = browser.post("/invoices/new", data={**asked, "order_ref": ref, **sent})
        assert answer.status_code == code
        assert ("must be a PDF" in answer.text) == (code == 422)
        assert len(kept()) == files
    assert db.session.scalar(select(func.count()).select_from(Invoice)) == 2
    large = {"document": (io.BytesIO(bytes(11 * MB)), "a.png")}
    answer = browser.post("/invoices/new", data={**asked, "order_ref": "A-3", **large})
    assert (answer.status_code, "at most 10 MB" in answer.text) == (422, True)


def test_it_follows_from_the_waiting_list_to_the_admitted_invoice(
    login: Login, make_line: Callable[..., CreditLine], courier: CourierDouble
) -> None:
    line = make_line(limit=1_00)
    browser = login(Role.SUPPLIER, customer=line.supplier.customer)
    courier.add_order("A-1", line.supplier_id, line.purchaser_id, 1_000_00)
    asked = {"action": "request", "terms_version": "1", "order_ref": "A-1"}
    sent = {"document": (io.BytesIO(PNG), "a.png")}
    refused = browser.post("/invoices/new", data={**asked, **sent}).location
    db.session.execute(text("UPDATE credit_lines SET limit_amount = 100000000"))
    db.session.commit()
    assert browser.post(f"{refused}/wait").status_code == 303
    later = {"document": (io.BytesIO(PDF), "b.pdf")}
    assert browser.post(f"{refused}/documents", data=later).status_code == 303
    admin = login(Role.ADMIN)
    bad = kept()[0].id
    admin.post(f"/invoices/documents/{bad}/invalid", data={"reason": "Another invoice"})
    assert admit_waiting() == 1
    became = db.session.scalars(select(Invoice).where(Invoice.status != "rejected")).one()
    page = browser.get(f"/invoices/{became.id}").text
    assert page.index("b.pdf") < page.index("a.png")
    assert "not valid: Another invoice" in page
    assert browser.get(f"/invoices/{became.id}/documents/{bad}").data == PNG
    told = select(Event).where(Event.kind == "document_followed", Event.subject_id == became.id)
    assert sorted(e.reason for e in db.session.scalars(told)) == ["a.png", "b.pdf"]
    assert "a.png" not in browser.get(refused).text.split('id="documents"')[1].split("</div>")[0]
    late = browser.post(f"{refused}/documents", data={"document": (io.BytesIO(JPEG), "c.jpg")})
    assert (late.status_code, "to the new invoice" in late.text) == (409, True)


def test_it_lies_in_its_folder_before_a_limit_is_locked(
    app: Flask,
    login: Login,
    make_line: Callable[..., CreditLine],
    courier: CourierDouble,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setitem(app.config, "DOCUMENT_FOLDER", str(tmp_path))
    line = make_line()
    courier.add_order("A-1", line.supplier_id, line.purchaser_id, 1_000_00)
    lying: list[bytes] = []

    def look(*given: Any, **named: Any) -> Any:
        lying.extend(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
        monkeypatch.setattr(os, "fsync", None)  # nothing is written under the locks
        return request_financing(*given, **named)

    monkeypatch.setattr("tusker.invoices.credit.requesting.request_financing", look)
    asked = {"action": "request", "terms_version": "1", "order_ref": "A-1"}
    browser = login(Role.SUPPLIER, customer=line.supplier.customer)
    sent = {"document": (io.BytesIO(PNG), "a.png")}
    assert browser.post("/invoices/new", data={**asked, **sent}).status_code == 303
    assert lying == [PNG]
    [document] = kept()
    assert content_of(document) == PNG


def test_one_that_is_not_valid_holds_the_invoice(login: Login, make_invoice: Callable[..., Invoice]) -> None:
    """Until it is made good by a newer one that an admin verified; an older one does not."""
    invoice = make_invoice("financeable")
    supplier = login(Role.SUPPLIER, customer=invoice.supplier)
    send(supplier, invoice, PDF)
    [document] = kept()
    admin = login(Role.ADMIN)
    marked = admin.post(f"/invoices/documents/{document.id}/invalid", data={"reason": "Another invoice"})
    assert marked.status_code == 303
    page = supplier.get(f"/invoices/{invoice.id}").text
    assert "not valid: Another invoice" in page

    def is_held() -> bool:
        with transaction():
            [pair] = lock_pairs([invoice.id])
            held = Judge([pair]).open_for(*pair) == (Condition.PAPER,)
            assert (unready_ids(allowed(), [invoice.id]) == [invoice.id]) == held
            assert (pair[0].status == "approved") == held
            return held

    assert is_held()
    send(supplier, invoice, PNG)
    newer = kept()[-1]
    assert is_held()
    assert admin.post(f"/invoices/documents/{newer.id}/verify", data={"verified": "1"}).status_code == 303
    assert not is_held()
    send(supplier, invoice, JPEG)
    newest = kept()[-1]
    admin.post(f"/invoices/documents/{newest.id}/invalid", data={"reason": "Another invoice"})
    assert is_held()


def test_systems_send_list_and_read_them(
    app: Flask, ctx: Context, invoice: Invoice, make_invoice: Callable[..., Invoice]
) -> None:
    other = make_invoice()
    with transaction():
        callers = [
            Api(app.test_client(), token_made(ctx, company, **options)[1])
            for company, options in (
                (invoice.supplier_id, {}),
                (invoice.supplier_id, {"scope": "read"}),
                (invoice.purchaser_id, {}),
                (other.supplier_id, {}),
            )
        ]
    mine, reading, buyer, stranger = callers
    at = f"/invoices/{invoice.id}/documents"
    made = mine.post(f"{at}?name=INV-7.pdf", data=PDF)
    assert (made.status_code, made.json["name"], made.json["media_type"]) == (
        201,
        "INV-7.pdf",
        "application/pdf",
    )
    one = made.headers["Location"].removeprefix("/api/v1")
    for caller, code in ((mine, 200), (reading, 200), (buyer, 200), (stranger, 404)):
        listed, read = caller.get(at), caller.get(one)
        assert (listed.status_code, read.status_code) == (code, code)
        if code == 200:
            assert listed.json["items"] == [made.json]
            assert read.data == PDF
            assert read.headers["Content-Disposition"].startswith("attachment")

    held: list[int] = []

    class Trickling(io.BytesIO):
        def readinto(self, buffer: Any) -> int:
            held.append(db.engine.pool.checkedout())  # type: ignore[attr-defined]
            return super().readinto(buffer)

        def read(self, size: int | None = -1) -> bytes:
            held.append(db.engine.pool.checkedout())  # type: ignore[attr-defined]
            return super().read(size)

    db.session.rollback()
    body = {"CONTENT_LENGTH": str(len(PDF)), "wsgi.input": Trickling(PDF)}
    assert mine.post(at, data=None, environ_overrides=body).status_code == 409
    assert set(held) == {0}, "no connection waits for a body"
    for caller, content, code in (
        (mine, PDF, 409),
        (mine, PAGE, 422),
        (mine, PDF + bytes(10 * MB), 413),
        (reading, PNG, 403),
        (buyer, PNG, 403),
        (stranger, PNG, 404),
    ):
        assert caller.post(at, data=content).status_code == code
    assert mine.get(f"/invoices/{other.id}/documents").status_code == 404
    assert len(kept()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOCUMENT_MAX_MB", "21"),
        ("DOCUMENT_FOLDER", "documents"),
        ("DOCUMENT_FOLDER", str(Path(config.__file__).parent / "static" / "x")),
        ("DOCUMENT_SCAN_COMMAND", "clamdscan 'x"),
    ],
)
def test_a_setting_that_cannot_be_is_named(name: str, value: str) -> None:
    with pytest.raises(config.ConfigError, match=name):
        config.load({"DATABASE_URL": "postgresql://x/y", name: value})
