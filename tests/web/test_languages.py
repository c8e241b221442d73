"""Pages, messages and mails in the language of who reads them."""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from flask import Flask, render_template
from flask.testing import FlaskClient
from sqlalchemy import select, text
from werkzeug.datastructures import MultiDict

from scripts import messages as catalogue
from tests.support.pages import token_in
from tests.support.people import sign_in
from tests.support.values import PASSWORD
from tusker.bankfiles.tables.cells.amounts import read_amount
from tusker.bankfiles.tables.cells.days import Days
from tusker.catalogues import retold, speaking
from tusker.domain.credit.risk import RuleKind
from tusker.domain.delivery.shipments import DocumentKind
from tusker.domain.texts import day_of
from tusker.errors import Conflict, InvalidInput, UnreadableFile
from tusker.extensions import db
from tusker.messages import joined, packed, say, shown, unpacked
from tusker.models import Event, OutboxMessage, User
from tusker.services.context import Context
from tusker.services.credit.risk.rules import value_of
from tusker.services.events import record_event
from tusker.services.outbox import queue_mail
from tusker.services.people.users import choose_language
from tusker.services.record.outbox_sending import compose
from tusker.transactions import transaction
from tusker.web.filters import event_value, reason_words
from tusker.web.forms.fields import CountField, DayField, MoneyField
from tusker.web.forms.form import FilterForm
from tusker.web.forms.kept import KeptForm

MAIL: dict[str, object] = dict.fromkeys(
    ("number", "purchaser", "principal", "proposer", "company", "reason", "first", "last"), "x"
)


def _choose(pages: FlaskClient, language: str, page: str) -> str:
    token = token_in(pages.get(page).text)
    data = {"csrf_token": token, "language": language, "next": page}
    return pages.post("/language", data=data, follow_redirects=True).text


def test_a_person_chooses_and_keeps_it(pages: FlaskClient, create_user: Callable[..., User]) -> None:
    user = create_user(email="asha@example.com")
    sign_in(pages, "asha@example.com")
    assert "Sign out" in pages.get("/account").text
    page = _choose(pages, "hi", "/account")
    assert '<html lang="hi"' in page
    assert "आपकी भाषा हिन्दी है।" in page  # the message, too, is in the new language
    assert "साइन आउट करें" in page
    db.session.expire_all()
    assert db.session.get_one(User, user.id).language == "hi"
    event = db.session.scalars(select(Event).where(Event.kind == "language_chosen")).one()
    assert (event.subject_id, event.from_value, event.to_value) == (user.id, None, "hi")
    nothing = pages.get("/no-such-page").text
    assert "यहाँ कुछ नहीं है" in nothing


def test_signed_out_the_browser_chooses(pages: FlaskClient) -> None:
    assert (
        '<html lang="hi"' in pages.get("/login", headers={"Accept-Language": "hi-IN,hi;q=0.9,en;q=0.5"}).text
    )
    assert '<html lang="en"' in pages.get("/login").text
    assert "पासवर्ड" in _choose(pages, "hi", "/login")
    answer = sign_in(pages, "nobody@example.com", PASSWORD)
    assert "ईमेल और पासवर्ड किसी सक्रिय खाते से मेल नहीं खाते।" in answer.text


def test_the_language_outlives_signing_out_and_a_kept_form_does_not_offer_it(
    pages: FlaskClient, create_user: Callable[..., User], ctx: Context
) -> None:
    user = create_user(email="asha@example.com")
    kept = pages.post(
        "/account/session", data={"typed": "words"}, headers={"Referer": "http://localhost/account"}
    )
    assert (kept.status_code, "/language" in kept.text, 'name="kept"' in kept.text) == (401, False, True)
    refused = pages.post("/login?next=/account", data={"csrf_token": token_in(kept.text)})
    assert 'name="next" value="/login?next=' in refused.text
    with transaction():
        choose_language(ctx, user.id, "hi")
    sign_in(pages, "asha@example.com")
    pages.post("/logout", data={"csrf_token": token_in(pages.get("/account").text)})
    assert '<html lang="hi"' in pages.get("/login").text


def test_texts_are_english_to_whoever_takes_them_as_strings(session_app: Flask) -> None:
    words = say("{label} is required.", label=say("Reason"))
    with session_app.app_context(), speaking("hi"):
        assert words == "Reason is required."
        assert shown(words) == "कारण आवश्यक है।"
        assert shown(say("{what}: {amount}", what="x", amount=date(2026, 3, 5))) == "x: 5 मार्च 2026"


def test_what_waits_in_the_outbox_can_still_be_said() -> None:
    words = {
        "why": [say("{n} is due on {day}", n=say("Loan"), day=date(2026, 3, 5))],
        "amount": "5",
        "none": None,
    }
    again = unpacked(packed(words))
    assert again == words
    assert unpacked(packed([datetime(2026, 3, 5, 14, 5, tzinfo=UTC)])) == [date(2026, 3, 5)]
    assert again["why"][0].params == words["why"][0].params  # type: ignore[index]


def test_a_mail_is_in_the_language_of_its_recipient(create_user: Callable[..., User], ctx: Context) -> None:
    create_user(email="english@example.com")
    hindi = create_user(email="hindi@example.com")
    with transaction():
        choose_language(ctx, hindi.id, "hi")
        queue_mail(
            ctx,
            "people/admin_made",
            ["hindi@example.com", "english@example.com"],
            name="Asha",
            email="a@b.c",
            maker="Ravi",
        )
    mails = {row.recipient: compose(ctx, row) for row in db.session.scalars(select(OutboxMessage))}
    subjects = {to: mail["Subject"] for to, mail in mails.items() if mail is not None}
    assert subjects == {
        "hindi@example.com": "Asha अब व्यवस्थापक हैं",
        "english@example.com": "Asha is an admin now",
    }


@pytest.mark.parametrize(
    ("template", "context", "words"),
    [
        (
            "loans/monthly_statement",
            {
                "month": date(2026, 3, 31),
                "period": say("{first} to {last}", first=date(2026, 3, 1), last=date(2026, 3, 31)),
            },
            ["मार्च 2026", "1 मार्च 2026 से 31 मार्च 2026 तक"],
        ),
        (
            "credit/request_refused",
            {"number": "A-1", "limits": joined([say("the supplier limit by {amount}", amount="₹5")])},
            ["A-1 का वित्तपोषण अस्वीकृत हुआ", "यह आपूर्तिकर्ता की सीमा से ₹5 अधिक है।"],
        ),
        ("credit/request_refused", {"limit": "supplier", "lacking": "₹5"}, ["the supplier limit by ₹5"]),
        (
            "approvals/proposed",
            {
                "title": say("Write a debt off"),
                "name": "A-1",
                "changes": [{"what": "approved", "from": "", "to": "rejected"}],
            },
            ["अनुमोदन के लिए: ऋण बट्टे खाते डालना, A-1", "  अनुमोदित: अस्वीकृत"],
        ),
        ("delivery/document_invalid", {"document": DocumentKind.DISPUTE.words}, ["विवाद का दस्तावेज़"]),
    ],
)
def test_all_of_a_mail_is_in_its_language(
    create_user: Callable[..., User],
    ctx: Context,
    template: str,
    context: dict[str, object],
    words: list[str],
) -> None:
    user = create_user(email="hindi@example.com")
    with transaction():
        choose_language(ctx, user.id, "hi")
        queue_mail(ctx, template, ["hindi@example.com"], **(MAIL | context))
    mail = compose(ctx, db.session.scalars(select(OutboxMessage)).one())
    assert mail is not None
    said = f"{mail['Subject']}\n{mail.get_content()}"
    assert [word for word in words if word not in said] == [], said


@pytest.mark.parametrize("typed", ["१२३.५०", "123.50", "1२३.5"])
def test_digits_of_devanagari_are_read(session_app: Flask, typed: str) -> None:
    class Asked(FilterForm):
        amount = MoneyField("Amount")
        days = CountField("Days")
        day = DayField("Day")

    with session_app.test_request_context():
        form = Asked(formdata=MultiDict({"amount": typed, "days": "३०", "day": "२०२६-०३-३१"}))
        assert form.validate(), form.errors
        assert (form.amount.data, form.days.data, form.day.data) == (12_350, 30, date(2026, 3, 31))
    assert (value_of(RuleKind.TENOR, "१८०"), value_of(RuleKind.SHARE, "२५.५%")) == (180, 2_550)
    assert (day_of("२०२६-०३-३१"), Days().read("३१/०३/२०२६")) == (date(2026, 3, 31), date(2026, 3, 31))
    assert read_amount("१,२३,४५६.५०", ".", "INR", 2) == (12_345_650, "")


def test_the_database_knows_the_languages(create_user: Callable[..., User]) -> None:
    user = create_user(email="asha@example.com")
    with pytest.raises(Exception, match="ck_users_language_known"):
        db.session.execute(text("UPDATE users SET language = 'xx' WHERE id = :id"), {"id": user.id})
    db.session.rollback()


def test_a_missing_translation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = catalogue.Texts()
    texts.add(catalogue.TEMPLATES / "base.html", "Nobody has translated this")
    texts.add(catalogue.TEMPLATES / "base.html", "Sign in")
    monkeypatch.setattr(catalogue, "collect", lambda: texts)
    found = [problem for problem in catalogue.check() if "no Hindi" in problem]
    assert found == ["templates/base.html: no Hindi for 'Nobody has translated this'"]


def test_a_plain_head_of_a_list_is_found() -> None:
    lists = """
from tusker.web.lists.columns import Column
from tusker.web.lists.listing import ListOf
ListOf("loans", "Loans", (Column("number", say("Invoice")), Column("due", head="Due")), title=say("Loans"))
"""
    assert list(catalogue.plain_heads(lists)) == ["Loans", "Due"]
    assert not list(catalogue.plain_heads("from tusker.web.plotting.shapes import Column\nColumn('a', 'b')"))


def test_a_bare_sentence_in_code_is_found() -> None:
    assert list(catalogue.bare('flash("The payout is made.")')) == ["The payout is made."]
    assert not list(catalogue.bare('flash(say("The payout is made."))'))
    assert not list(catalogue.bare('raise Conflict("{what} is made.", what=x, field="y")'))
    for wrong in ('f"{what} is made."', '"{what} is made.", field=what', '"Field {field} is made.", field=x'):
        assert list(catalogue.bare(f"raise Conflict({wrong})")), wrong


def test_an_error_says_the_words_it_is_given(session_app: Flask) -> None:
    with session_app.app_context(), speaking("hi"):
        for words in ("{label} is required.", say("{label} is required.", label=say("Reason"))):
            error = InvalidInput(words, label=say("Reason"), field="reason", problem="x{y}")
            assert (str(error), shown(error.message)) == ("Reason is required.", "कारण आवश्यक है।")
            assert (error.field, error.details["problem"]) == ("reason", "x{y}")
        assert str(UnreadableFile("{message} of {self}", message="{a}", self=1)) == "{a} of 1"
        assert str(pickle.loads(pickle.dumps(Conflict("It is {x}.", x="{y}")))) == "It is {y}."
        assert Conflict("Typed {as it is}").message == "Typed {as it is}"


def test_a_stored_sentence_is_said_again_and_what_a_person_typed_stays(session_app: Flask) -> None:
    booked, named = "Looks like a movement that is booked already.", "text names {loan}"
    with session_app.test_request_context(), speaking("hi"):
        assert shown(retold(booked)) == shown(say("Looks like a movement that is booked already.")) != booked
        both = shown(retold(f"{booked} {named.format(loan='INV-7')}"))
        assert both.startswith(shown(retold(booked)))
        assert "INV-7" in both
        for typed in (
            "Receipt for the driver",
            "a, b; c",
            "Receipt " * 500,
            "text names " * 150,
            "x" * 9_000,
        ):
            assert shown(retold(typed)) == typed or len(typed) > 100
        for stored in (
            "Looks like “A-1” (#7), which is written off",
            "The parcel goes from Pune to an unknown city; Kaveri Mills sends goods from Pune",
            "3 checks in a row failed: The delivery company “tusker” sent an answer that was cut off.",
            "Not done so far (attempts: 2): there was no answer",
            "Has been in transit since 5 Mar 2026",
        ):
            left = re.findall(r"[a-z]{3,}", shown(retold(stored)))
            assert left in ([], ["une", "averi", "ills", "une"], ["tusker"]), shown(retold(stored))
        noted = reason_words(Event(kind="deduction_accepted", reason="credit note C: 7: torn: wet"))
        assert noted == (f"{shown(say('credit note'))} C: 7: torn: wet", "")
        assert (
            reason_words(Event(kind="deduction", reason="quality"))[0] == shown(say("quality")) != "quality"
        )
        again = "its payout was undone: credit notes lower what is financed again"
        assert not re.search("[a-z]", reason_words(Event(kind="credit_note", reason=again))[0])
        assert event_value("Tenor: 180 days", "rule_made") == "अवधि: 180 दिन"
        assert event_value("0.185", "apr") == "18.5%"
        assert event_value("limit of the supplier", "requested") == "आपूर्तिकर्ता की सीमा"
    with session_app.test_request_context(), speaking("en"):
        assert retold(booked) == booked


def test_the_words_of_events_are_collected() -> None:
    module = """
def _note(ctx, kind: str): record_event(ctx, ("parcel", 1), kind)
_note(ctx, "parcel_lost")
"""
    assert set(catalogue.codes(ast.parse(module))) == {"parcel", "parcel_lost"}


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("<p>Some words</p>", ["Some words"]),
        ('<p title="Some words">UTR</p>', ["Some words"]),
        (
            "Subject: {{ _('A') }}\n\n{{ name }} asks\n\n{{ base_url }}/admin/{{ id }}",
            ["\0\n\n\0 asks\n\n\0/admin/\0"],
        ),
        ("Subject: {{ _('A') }}\n\n{{ base_url }}/loans?first={{ first }}&last={{ last }}", []),
        ('{{ submit("Save") }}', ["Save"]),
        ('{{ submit(_("Save")) }}<p>{{ _("A {b}", b=1) }}</p><code>Code</code>', []),
        ('{% if kind == "Save" %}{{ url_for("web.start") }}{% endif %}', []),
    ],
)
def test_what_is_not_marked_is_found(template: str, words: list[str]) -> None:
    assert list(catalogue.unmarked(template)) == words


def test_pages_say_all_of_a_sentence_and_files_stay_english(
    pages: FlaskClient, create_user: Callable[..., User], ctx: Context
) -> None:
    user = create_user(email="asha@example.com")
    with transaction():
        choose_language(ctx, user.id, "hi")
        record_event(ctx, ("loan", 1), "due_date_moved", from_value="2026-03-05", to_value="2026-04-05")
    sign_in(pages, "asha@example.com")
    page = pages.get("/reports/ageing/loans?bucket=over+90").text
    assert "90 दिन से अधिक अतिदेय</h2>" in page
    assert 'data-close="बंद करें"' in page  # for the scripts
    late = pages.get("/reports/ageing.csv?as_of=2099-01-01").text
    assert "दिन भविष्य में नहीं होना चाहिए।" in late
    events = "/admin/events{}?kind=due_date_moved"
    assert "5 मार्च 2026" in pages.get(events.format("")).text
    assert ",2026-03-05,2026-04-05," in pages.get(events.format(".csv")).text


def test_what_was_typed_is_named_in_the_language_of_the_page(session_app: Flask) -> None:
    fields = [("value_date", "x"), ("<b>", "y")]
    kept = KeptForm("/", "/", fields, ["<i>", "password"], None)
    with session_app.test_request_context(), speaking("hi"):
        page = render_template("errors/kept.html", kept=kept)
        assert f"<dt>{shown(say('Value date'))}</dt>" in page
    assert "&lt;b&gt;" in page
    assert "&lt;i&gt;, पासवर्ड" in page
