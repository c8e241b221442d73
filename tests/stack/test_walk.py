"""The main job over HTTP against the real stack: web server, workers, scheduler and courier as processes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from babel.dates import format_date
from rq import Queue
from rq.serializers import JSONSerializer

from tests.support.running import until
from tests.support.stack import CANCELLED, Stack, create_user
from tests.support.values import PASSWORD
from tests.support.visitor import Page, Visitor
from tusker.redis.queues import QUEUE
from tusker.redis.url import connect

pytestmark = pytest.mark.stack

ADMIN, AUDITOR = "admin@walk.example", "auditor@walk.example"
MILLS, STORES = "Aravali Mills", "Bazaar Stores"
CRAFTS, DEPOT = "Coastal Crafts", "Deccan Depot"
TERMS = {
    "advance_rate": "80",
    "apr": "18.25",  # 4.5 % in 90 days
    "tenor_days": "90",
    "fee_rate": "0.5",
    "fee_flat": "0",
    "grace_days": "3",
    "penal_rate": "6",
}
PEOPLE = [
    {"id": "C-MILLS", "loc_id": "L-MILLS", "name": "Aravali Mills Dispatch", "city": "Jaipur"},
    {"id": "C-STORES", "loc_id": "L-STORES", "name": "Bazaar Stores North", "city": "Delhi"},
    {"id": "C-STORES2", "loc_id": "L-STORES2", "name": "Bazaar Stores South", "city": "Chennai"},
    {"id": "C-CRAFTS", "loc_id": "L-CRAFTS", "name": "Coastal Crafts Yard", "city": "Kochi"},
    {"id": "C-DEPOT", "loc_id": "L-DEPOT", "name": "Deccan Depot Gate", "city": "Pune"},
]


@dataclass
class Book:
    """Customers, credit lines and logins, made through the pages."""

    stack: Stack
    admin: Visitor
    supplier: Visitor
    purchaser: Visitor
    other_supplier: Visitor
    customer_ids: dict[str, int]
    line_id: int
    pages: dict[str, Page]
    token: dict[str, str]


@pytest.fixture(scope="session")
def book(stack: Stack) -> Book:
    """An admin enters customers with their ids at the courier, and credit lines; logins come from the command."""
    stack.courier("/sim/users", {"users": PEOPLE})
    admin = stack.visitor(ADMIN)
    pages = {
        MILLS: new_customer(admin, MILLS, ["C-MILLS"], supplier_limit="1000000"),
        STORES: new_customer(admin, STORES, ["L-STORES", "L-STORES2"], purchaser_limit="800000"),
        CRAFTS: new_customer(admin, CRAFTS, ["C-CRAFTS"], supplier_limit="3000000"),
        DEPOT: new_customer(admin, DEPOT, ["L-DEPOT"], purchaser_limit="3000000"),
    }
    ids = {name: int(page.path.rpartition("/")[2]) for name, page in pages.items()}
    line = new_line(admin, ids[MILLS], ids[STORES], "500000")
    new_line(admin, ids[CRAFTS], ids[DEPOT], "2000000")
    stack.flask(
        create_user("mills@walk.example", "supplier", MILLS),
        create_user("stores@walk.example", "purchaser", STORES),
        create_user("crafts@walk.example", "supplier", CRAFTS),
        bank_details(MILLS, "50100000000001"),
        bank_details(CRAFTS, "50100000000002"),
    )
    supplier = stack.visitor("mills@walk.example")
    return Book(
        stack=stack,
        admin=admin,
        supplier=supplier,
        purchaser=stack.visitor("stores@walk.example"),
        other_supplier=stack.visitor("crafts@walk.example"),
        customer_ids=ids,
        line_id=line,
        pages=pages,
        token=new_token(supplier),
    )


def bank_details(name: str, number: str) -> list[str]:
    """The command that says where a supplier is paid."""
    return ["set-bank-account", name, "--account-number", number, "--ifsc", "HDFC0001234", "--as", ADMIN]


def new_customer(admin: Visitor, name: str, external_ids: list[str], **limits: str) -> Page:
    """Fill in the form: search the courier's directory, add what fits, save."""
    sides = {side: "y" for side in ("supplier", "purchaser") if f"{side}_limit" in limits}
    terms = TERMS if "supplier" in sides else {}
    entries = {**limits, **terms, **{f"is_{side}": ticked for side, ticked in sides.items()}, "name": name}
    page = admin.open("/customers/new")
    for external_id in external_ids:
        page = page.press("Search", directory_text=name.split()[0].lower(), **entries)
        words = "Add as supplier" if external_id.startswith("C-") else "Add location"
        packed = next(
            value
            for form in page.forms
            for key, value, label in form.buttons
            if key == "add" and label == words and f'"{external_id}"' in value
        )
        page = page.press_button("add", packed)
        assert external_id in page.part("identities-chosen")
    return page.press("Create customer")


def new_line(admin: Visitor, supplier_id: int, purchaser_id: int, limit: str) -> int:
    """Open a credit line on the supplier's default terms; its id."""
    page = admin.open("/customers/lines/new", supplier_id=str(supplier_id)).press(
        "Open credit line", supplier_id=str(supplier_id), purchaser_id=str(purchaser_id), limit=limit
    )
    assert re.fullmatch(r"/customers/lines/\d+", page.path), page.text
    return int(page.path.rpartition("/")[2])


def request_financing(supplier: Visitor, ref: str) -> Page:
    """Look at the quote, then request; the page one lands on."""
    return supplier.open("/invoices/new").press("Check", order_ref=ref).press("Request financing")


def wait_for_status(visitor: Visitor, path: str, status: str) -> Page:
    """The invoice's page once the workers have taken it to a status."""
    return until(
        lambda: page if (page := visitor.open(path)).part("invoice-status") == status else None,
        what=f"{path} {status}",
    )


def new_token(supplier: Visitor) -> dict[str, str]:
    """Headers with an API token that the supplier makes on its page."""
    page = supplier.open("/customers/own/tokens").press("Create token", name="ERP")
    return {"Authorization": f"Bearer {found_in(page.text, r'tsk_[A-Za-z0-9_-]{43}')}"}


def found_in(text: str, pattern: str) -> str:
    """The first match of a pattern, which must be there."""
    found = re.search(pattern, text)
    assert found, f"no {pattern} in {text}"
    return found[0]


def body(mail: EmailMessage) -> str:
    """The words of a mail."""
    return str(mail.get_content())


def left_on_limits(book: Book) -> dict[str, str]:
    """What is left of each limit, as the credit line's page says."""
    page = book.admin.open(f"/customers/lines/{book.line_id}")
    left = re.findall(
        r"(Limit of this line|Supplier Aravali Mills|Purchaser Bazaar Stores) (₹[\d,.]+) left", page.text
    )
    return dict(left)


def test_the_book(book: Book) -> None:
    shown = book.pages[STORES].text
    assert "L-STORES" in shown
    assert "L-STORES2" in shown
    assert "₹8,00,000.00 left" in shown
    mail = book.stack.mail(ADMIN, f"New supplier: {MILLS}")
    assert "₹10,00,000.00" in body(mail)
    assert f"{book.stack.site}/customers/{book.customer_ids[MILLS]}" in body(mail)
    # the lines took the supplier's terms over
    assert "18.25%" in book.admin.open(f"/customers/lines/{book.line_id}").text


def test_supplier_limits_stay_within_the_programme(book: Book) -> None:
    # 40 of the programme's 50 lakh are given
    page = book.admin.open("/customers/new").press(
        "Create customer", name="Too Much", is_supplier="y", supplier_limit="1000000.01", **TERMS
    )
    assert page.status == 422
    assert "programme" in page.text.lower()
    assert "Too Much" not in book.admin.open("/customers/").text


def test_an_invoice_from_request_to_repaid(book: Book) -> None:
    stack, supplier, admin = book.stack, book.supplier, book.admin
    first = stack.order("WALK-1", "C-MILLS", "L-STORES", "125000.00")
    second = stack.order("WALK-2", "C-MILLS", "L-STORES2", "250000.00")
    too_much = stack.order("WALK-3", "C-MILLS", "L-STORES", "375000.00")
    before = {
        "Limit of this line": "₹5,00,000.00",
        "Supplier Aravali Mills": "₹10,00,000.00",
        "Purchaser Bazaar Stores": "₹8,00,000.00",
    }
    assert left_on_limits(book) == before

    quote = supplier.open("/invoices/new").press("Check", order_ref=first)
    assert quote.path == "/invoices/new"
    for figure in (STORES, "₹1,25,000.00", "₹1,00,000.00", "₹5,000.00", "₹1,05,000.00"):
        assert figure in quote.part("quote"), figure
    for limit, left, afterwards in (
        ("Credit line", "₹5,00,000.00", "₹4,00,000.00"),
        ("Your limit", "₹10,00,000.00", "₹9,00,000.00"),
        ("Purchaser limit", "₹8,00,000.00", "₹7,00,000.00"),
    ):
        assert f"{left} {afterwards}" in quote.row(limit)
    assert left_on_limits(book) == before  # a quote reserves nothing

    invoice = quote.press("Request financing")
    assert re.fullmatch(r"/invoices/\d+", invoice.path)
    assert invoice.part("invoice-status") == "Approved"
    request_financing(supplier, second)
    refused_is_stored(book, too_much)
    assert left_on_limits(book) == {
        "Limit of this line": "₹2,00,000.00",
        "Supplier Aravali Mills": "₹7,00,000.00",
        "Purchaser Bazaar Stores": "₹5,00,000.00",
    }

    # the courier delivers; scheduler and workers see it, and nobody else does anything
    stack.deliver(first)
    wait_for_status(supplier, invoice.path, "To be financed")

    disbursal = bundle(admin, [first])
    assert second not in disbursal.text
    reference = found_in(disbursal.text, r"D-\d{8}-\d+")
    ready = stack.mail(ADMIN, f"Disbursal {reference} is ready: ₹1,00,000.00")
    assert disbursal.path in body(ready)

    approved = disbursal.press("Approve ₹1,00,000.00", action=f"{disbursal.path}/approve")
    released = approved.press("Release ₹1,00,000.00", action=f"{disbursal.path}/release", password=PASSWORD)
    stack.mail(ADMIN, f"Disbursal {reference} is released: ₹1,00,000.00")
    confirm_form = released.form(f"{disbursal.path}/confirm")
    start = date.fromisoformat(confirm_form.value("value_date"))
    due = start + timedelta(days=90)
    confirmed = released.press(
        "Confirm 1 open", action=f"{disbursal.path}/confirm", bank_reference="UTR-OUT-9"
    )
    assert confirmed.path == disbursal.path
    row = confirmed.row(first)
    loan = found_in(row, r"L-\d+-\d+")
    assert f"{shown(start)} – {shown(due)}" in row
    assert "UTR-OUT-9" in confirmed.text
    payout = stack.mail("mills@walk.example", "₹1,00,000.00 paid out to you")
    assert "UTR-OUT-9" in body(payout)
    assert first in body(payout)

    told = api(book, f"/invoices/{invoice.path.rpartition('/')[2]}")
    assert told["status"] == "disbursed"
    assert told["loan"]["reference"] == loan
    assert told["loan"]["start_date"] == start.isoformat()
    assert told["loan"]["due_date"] == due.isoformat()
    assert told["loan"]["live"]["total"]["minor"] == 1_00_500_00
    assert told["loan"]["term"]["total"]["minor"] == 1_05_000_00
    page = supplier.open(invoice.path)
    assert loan in page.text
    assert page.part("owed-today") == "₹1,00,500.00"
    assert page.part("owed-at-term") == "₹1,05,000.00"
    dashboards_show_the_debt(book)

    repaid = admin.open(f"/admin{invoice.path.replace('invoices', 'loans')}/repay").press(
        "Record repayment", bank_reference="UTR-IN-1"
    )
    assert repaid.path == "/admin/loans"
    assert first not in " ".join(repaid.rows)
    done = supplier.open(invoice.path)
    assert done.part("invoice-status") == "Repaid"
    assert "UTR-IN-1" in done.text
    assert left_on_limits(book) == {
        "Limit of this line": "₹3,00,000.00",
        "Supplier Aravali Mills": "₹8,00,000.00",
        "Purchaser Bazaar Stores": "₹6,00,000.00",
    }
    the_timeline_tells_all(book, invoice.path)
    assert "All figures agree" in admin.open("/admin/proof").text


def refused_is_stored(book: Book, ref: str) -> None:
    """The quote says what lacks; who asks all the same gets a stored refusal and a mail."""
    quote = book.supplier.open("/invoices/new").press("Check", order_ref=ref)
    assert "A request would be refused now" in quote.text
    refused = quote.press("Submit anyway")
    assert refused.part("invoice-status") == "Refused"
    assert "exceeded by ₹1,00,000.00" in refused.part("messages")
    told = api(book, f"/invoices/{refused.path.rpartition('/')[2]}")
    assert told["status"] == "rejected"
    assert told["refusal"]["bound"] == "credit_line"
    assert told["refusal"]["lacking"]["minor"] == 1_00_000_00
    mail = book.stack.mail("mills@walk.example", f"Financing of {ref} was refused")
    assert "exceeds the credit line limit by ₹1,00,000.00" in body(mail)


def dashboards_show_the_debt(book: Book) -> None:
    """One loan of 1,00,000 with its fee, one invoice approved, one refused."""
    supplier = book.supplier.open("/invoices/dashboard").text
    assert "Credit left ₹2,00,000.00 on your credit lines" in supplier
    assert "Owed today ₹1,00,500.00 on 1 loan" in supplier
    assert "Owed at the end of the term ₹1,05,000.00" in supplier
    purchaser = book.purchaser.open("/invoices/dashboard").text
    assert "All at the end of the term ₹1,05,000.00 ₹1,00,500.00 if repaid today" in purchaser
    assert "₹5,00,000.00 left" in purchaser
    admin = book.admin.open("/admin/").text
    assert "Owed today, all loans ₹1,00,500.00 1 open loan" in admin
    assert "Owed at the end of the term ₹1,05,000.00" in admin
    for text in (supplier, purchaser):
        assert "Disbursed 1 ₹1,00,000.00" in text
        assert "Approved 1 ₹2,00,000.00" in text


def the_timeline_tells_all(book: Book, path: str) -> None:
    """Who, when, what from, what to and why of each change, in the API and on the page."""
    events = api(book, f"{path}?include=events")["events"]
    changes = [(e["kind"], e["from_value"], e["to_value"]) for e in events if e["kind"] != "shipment"]
    assert changes == [
        ("requested", None, "approved"),
        ("delivered", "approved", "financeable"),
        ("bundled", "financeable", "bundled"),
        ("disbursed", "bundled", "disbursed"),
        ("repaid", "disbursed", "repaid"),
    ]
    page = book.supplier.open(path).text
    for words in ("Delivery company's code 21", "payment reference UTR-IN-1"):
        assert words in page, words


def bundle(admin: Visitor, refs: list[str]) -> Page:
    """Choose rows of the queue by hand."""
    queue = admin.open("/admin/queue")
    chosen = [str(invoice_id(admin, ref)) for ref in refs]
    return queue.press("Bundle selected", action="/admin/queue/bundle", invoice_id=chosen)


def invoice_id(visitor: Visitor, ref: str) -> int:
    """The id of the newest invoice with this number, from the link in the list."""
    links = [link for link in visitor.open("/invoices/", q=ref).links if re.fullmatch(r"/invoices/\d+", link)]
    assert links, ref
    return int(links[0].rpartition("/")[2])


def shown(day: date) -> str:
    """A date as the pages write it."""
    return format_date(day, "d MMM y", locale="en_IN")


def api(book: Book, path: str) -> Any:
    """What the JSON endpoint answers to the supplier's own software."""
    answer = Visitor(book.stack.site).get(f"/api/v1{path}", headers=book.token)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_each_order_that_cannot_be_financed_says_why(book: Book) -> None:
    stack, supplier = book.stack, book.other_supplier
    good = stack.order("WHY-GOOD", "C-CRAFTS", "L-DEPOT", "10000.00")
    request_financing(supplier, good)
    stack.order("WHY-NOLINE", "C-CRAFTS", "L-STORES", "10000.00")
    stack.order("WHY-CANCELLED", "C-CRAFTS", "L-DEPOT", "10000.00", CANCELLED)
    stack.order("WHY-ANOTHERS", "C-MILLS", "L-STORES", "10000.00")
    stored = stored_invoices(supplier)
    said = {}
    for ref in ("WHY-GOOD", "WHY-NOTHERE", "WHY-CANCELLED", "WHY-NOLINE", "WHY-ANOTHERS"):
        page = supplier.open("/invoices/new").press("Check", order_ref=ref)
        assert page.status >= 400, ref
        said[ref] = page.part("quote")
    assert said["WHY-GOOD"].startswith("Requested already")
    assert said["WHY-NOTHERE"].startswith("Unknown order")
    assert said["WHY-CANCELLED"].startswith("Cancelled at the delivery company")
    assert said["WHY-NOLINE"].startswith("No credit line with this purchaser")
    # another supplier's order is none of this one's business
    assert said["WHY-ANOTHERS"].replace("WHY-ANOTHERS", "") == said["WHY-NOTHERE"].replace("WHY-NOTHERE", "")
    assert stored_invoices(supplier) == stored


def test_a_lowered_limit_admits_nothing_until_it_fits_again(book: Book) -> None:
    stack, admin, supplier = book.stack, book.admin, book.other_supplier
    request_financing(supplier, stack.order("LOW-1", "C-CRAFTS", "L-DEPOT", "100000.00"))
    edit = f"/customers/{book.customer_ids[DEPOT]}/edit"
    lowered = admin.open(edit).press("Save", action=edit, purchaser_limit="1000")
    assert "no new requests are approved until usage is back within it" in lowered.text
    quote = supplier.open("/invoices/new").press(
        "Check", order_ref=stack.order("LOW-2", "C-CRAFTS", "L-DEPOT", "1.25")
    )
    assert f"The limit of {DEPOT} as purchaser is exceeded by" in quote.text
    raised = admin.open(edit).press("Save", action=edit, purchaser_limit="3000000")
    for change in ("₹30,00,000.00 → ₹1,000.00", "₹1,000.00 → ₹30,00,000.00"):
        assert change in raised.text  # the event of each change of the limit
    again = supplier.open("/invoices/new").press("Check", order_ref="LOW-2")
    assert again.press("Request financing").part("invoice-status") == "Approved"


def test_the_days_bundle_is_made_once(book: Book) -> None:
    stack, admin = book.stack, book.admin
    refs = [stack.order(f"DAY-{n}", "C-CRAFTS", "L-DEPOT", "1000.00") for n in range(5)]
    for ref in refs:
        request_financing(book.other_supplier, ref)
    stack.deliver(*refs)
    until(lambda: all(ref in admin.open("/admin/queue").text for ref in refs), what="all in the queue")
    with connect(stack.environ["REDIS_URL"], 10) as connection:
        queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer)
        jobs = [queue.enqueue("tusker.jobs.daily.bundle_day", result_ttl=60) for _ in range(2)]
        until(
            lambda: all(job.get_status(refresh=True) in {"finished", "failed"} for job in jobs),
            what="both jobs",
        )
        answers = {job.return_value() for job in jobs}
    assert len(answers) == 1
    (reference,) = answers
    listed = admin.open("/admin/disbursals", q=reference)
    assert "Daily run" in listed.row(reference)
    page = admin.open(next(link for link in listed.links if re.fullmatch(r"/admin/disbursals/\d+", link)))
    # the rules of risk name an invoice once more, beside the lines
    assert [page.part("disbursal-lines").count(ref) for ref in refs] == [1] * 5
    assert sum("Daily run" in row for row in admin.open("/admin/disbursals").rows) == 1
    assert not any(ref in admin.open("/admin/queue").text for ref in refs)
    assert "All figures agree" in admin.open("/admin/proof").text


def stored_invoices(supplier: Visitor) -> set[str]:
    """The invoices of the supplier's list."""
    return {link for link in supplier.open("/invoices/").links if re.fullmatch(r"/invoices/\d+", link)}


def test_a_company_sees_only_its_own(book: Book) -> None:
    ref = book.stack.order("OWN-1", "C-CRAFTS", "L-DEPOT", "500.00")
    path = request_financing(book.other_supplier, ref).path
    assert book.other_supplier.open(path).text
    for stranger in (book.supplier, book.purchaser):
        for under in ("", "/shipment"):
            assert stranger.get(path + under).status_code == 404
        assert ref not in stranger.open("/invoices/", q=ref).text.replace(f"q={ref}", "")
    told = Visitor(book.stack.site).get(f"/api/v1{path}", headers=book.token)
    assert told.status_code == 404
    page = book.supplier.open("/account")
    token = page.form("/logout").value("csrf_token")
    answer = book.supplier.post(f"{path}/cancel", data={"csrf_token": token, "reason": "mine now"})
    assert answer.status_code == 404
    assert book.other_supplier.open(path).part("invoice-status") == "Approved"


def test_an_auditor_sees_all_and_writes_nothing(book: Book) -> None:
    ref = book.stack.order("AUDIT-1", "C-CRAFTS", "L-DEPOT", "500.00")
    path = request_financing(book.other_supplier, ref).path
    auditor = book.stack.visitor(AUDITOR)
    page = auditor.open(path)
    token = page.form("/logout").value("csrf_token")
    events = len(auditor.open("/admin/events").rows)
    for target in (
        f"{path}/cancel",
        "/invoices/new",
        "/admin/queue/bundle",
        "/admin/queue/bundle-all",
        f"/admin/loans/{path.rpartition('/')[2]}/repay",
        "/admin/users/new",
        "/customers/new",
        f"/customers/{book.customer_ids[DEPOT]}/edit",
        f"/customers/lines/{book.line_id}/status",
    ):
        answer = auditor.post(target, data={"csrf_token": token, "reason": "x", "invoice_id": "1"})
        assert answer.status_code == 403, target
    assert auditor.open(path).part("invoice-status") == "Approved"
    assert len(auditor.open("/admin/events").rows) == events


def test_nothing_is_written_without_the_pages_token(book: Book) -> None:
    answer = book.supplier.post("/invoices/new", data={"order_ref": "X", "action": "check"})
    assert answer.status_code == 400


def test_a_forgotten_password_is_set_anew_by_mail(book: Book) -> None:
    stack, email, new = book.stack, "stores@walk.example", "a new and longer password"
    Visitor(stack.site).open("/forgot").press("Send the link", email=email)
    link = found_in(body(stack.mail(email, "Set a new password")), rf"{re.escape(stack.site)}\S+")
    visitor = Visitor(stack.site)
    answer = visitor.open(link).press("Set the password", new_password=new, again=new)
    assert answer.path == "/login"
    assert visitor.get(link).status_code == 410
    assert "/login" in book.purchaser.get("/invoices/dashboard").url  # the old session has ended
    assert Visitor(stack.site).sign_in(email, PASSWORD).path == "/login"
    book.purchaser = stack.visitor(email, new)
    assert "Dashboard" in book.purchaser.open("/invoices/dashboard").text
