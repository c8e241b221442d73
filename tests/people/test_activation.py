"""An admin whom an admin makes or lets in again works once another one agrees, and not before."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.support.people import NEW_EMAIL, acts, kinds, make_user
from tests.support.threads import in_threads
from tests.support.values import NOW, PASSWORD
from tusker.errors import Conflict, InvalidInput, NotAllowed, NotFound
from tusker.extensions import db
from tusker.models import OutboxMessage, Role, User
from tusker.services.context import Context
from tusker.services.outbox import admin_addresses
from tusker.services.people.activation import activate_user, refuse_user
from tusker.services.people.passwords import request_password_reset, reset_url_for, sign_in
from tusker.services.people.users import deactivate_user, reactivate_user
from tusker.services.record.outbox_sending import compose
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("four_eyes")

Mails = Callable[[], list[OutboxMessage]]


def signs_in(user: User) -> bool:
    with transaction():
        return sign_in(NOW, user.email, PASSWORD) is not None


def test_who_waits_can_do_nothing_until_another_admin_activates(
    ctx: Context, maker: User, checker: User, waiting: User, mails: Mails
) -> None:
    assert not signs_in(waiting)
    assert reset_url_for(NEW_EMAIL) is None
    assert admin_addresses() == ["checker@example.com", "maker@example.com"]
    with transaction():
        activate_user(acts(ctx, checker), waiting.id)
    assert signs_in(waiting)
    assert sorted(admin_addresses()) == ["checker@example.com", "maker@example.com", NEW_EMAIL]
    assert kinds(waiting) == ["user_created", "admin_activation_asked", "admin_activated"]
    assert [(m.template, m.recipient) for m in mails()] == [
        ("people/admin_made", "checker@example.com"),
        ("people/admin_made", "maker@example.com"),
        ("people/admin_activated", NEW_EMAIL),
        ("people/password_reset", NEW_EMAIL),
    ]


def test_the_mails_say_who_must_do_what(
    ctx: Context, maker: User, checker: User, waiting: User, mails: Mails
) -> None:
    with transaction():
        activate_user(acts(ctx, checker), waiting.id)
    asked, told = (compose(ctx, row) for row in mails() if row.recipient in {"checker@example.com", NEW_EMAIL}
                   and row.template != "people/password_reset")  # fmt: skip
    assert asked is not None
    assert told is not None
    assert asked["Subject"] == "Nila waits to be activated as an admin"
    assert "cannot sign in until another admin than Test admin has activated" in asked.get_content()
    assert "/admin/users?state=waiting" in asked.get_content()
    assert "Test admin activated your account (new@example.com)" in told.get_content()
    assert "A link to choose a password comes in another mail" in told.get_content()


def test_who_asked_and_who_waits_cannot_activate(
    ctx: Context, maker: User, checker: User, waiting: User
) -> None:
    other = make_user(acts(ctx, maker), "other@example.com")
    for nobody in (maker, waiting, other):
        with pytest.raises(NotAllowed), transaction():
            activate_user(acts(ctx, nobody), other.id)
    auditor = make_user(ctx, "auditor@example.com", Role.AUDITOR)
    with pytest.raises(NotAllowed), transaction():
        activate_user(acts(ctx, auditor), other.id)
    assert not signs_in(other)


def test_an_admin_shut_out_meanwhile_cannot_activate(
    ctx: Context, maker: User, checker: User, waiting: User
) -> None:
    with transaction():
        deactivate_user(acts(ctx, maker), checker.id)
    with pytest.raises(NotAllowed, match="active admin"), transaction():
        activate_user(acts(ctx, checker), waiting.id)


def test_a_refused_admin_stays_out_until_asked_for_again(
    ctx: Context, maker: User, checker: User, waiting: User
) -> None:
    with pytest.raises(InvalidInput), transaction():
        refuse_user(acts(ctx, checker), waiting.id, reason=" ")
    with transaction():
        refuse_user(acts(ctx, checker), waiting.id, reason="Nobody  knows them")
    assert (waiting.active, waiting.activation_refusal) == (False, "Nobody knows them")
    with pytest.raises(Conflict, match="any more"), transaction():
        activate_user(acts(ctx, checker), waiting.id)
    with transaction():
        reactivate_user(acts(ctx, maker), waiting.id)
    assert not signs_in(waiting)
    with transaction():
        activate_user(acts(ctx, checker), waiting.id)
    assert signs_in(waiting)
    assert kinds(waiting)[2:] == ["admin_activation_refused", "admin_activation_asked", "admin_activated"]


def test_who_asked_may_take_it_back(ctx: Context, maker: User, checker: User, waiting: User) -> None:
    with transaction():
        refuse_user(acts(ctx, maker), waiting.id, reason="Mistyped")
    assert kinds(waiting)[-1] == "admin_activation_withdrawn"
    assert not waiting.waits_for_activation


def test_an_admin_let_in_again_waits_too(ctx: Context, maker: User, checker: User, mails: Mails) -> None:
    third = make_user(ctx, "third@example.com")
    with transaction():
        deactivate_user(acts(ctx, maker), third.id)
        reactivate_user(acts(ctx, maker), third.id)
    assert not signs_in(third)
    with pytest.raises(Conflict, match="already"), transaction():
        reactivate_user(acts(ctx, checker), third.id)
    with pytest.raises(NotAllowed), transaction():
        activate_user(acts(ctx, maker), third.id)
    with transaction():
        activate_user(acts(ctx, checker), third.id)
    assert signs_in(third)
    assert {m.template for m in mails()} == {
        "people/admin_made",
        "people/admin_activated",
        "people/password_reset",
    }


def test_who_signed_in_before_keeps_the_password(
    ctx: Context, maker: User, checker: User, mails: Mails
) -> None:
    third = make_user(ctx, "third@example.com")
    assert signs_in(third)
    with transaction():
        deactivate_user(acts(ctx, maker), third.id)
        reactivate_user(acts(ctx, maker), third.id)
    with transaction():
        activate_user(acts(ctx, checker), third.id)
    assert "people/password_reset" not in {m.template for m in mails()}
    told = compose(ctx, mails()[-1])
    assert told is not None
    assert "the password that you had" in told.get_content()


def test_shutting_out_who_waits_ends_the_waiting(
    ctx: Context, maker: User, checker: User, waiting: User
) -> None:
    with transaction():
        deactivate_user(ctx, waiting.id, "suspicious")
    with pytest.raises(Conflict, match="does not wait"), transaction():
        activate_user(acts(ctx, checker), waiting.id)


def test_others_than_admins_and_admins_of_the_operator_work_at_once(ctx: Context, maker: User) -> None:
    auditor = make_user(acts(ctx, maker), "auditor@example.com", Role.AUDITOR)
    assert signs_in(auditor)
    with transaction():
        deactivate_user(acts(ctx, maker), auditor.id)
        reactivate_user(acts(ctx, maker), auditor.id)
    assert signs_in(auditor)
    assert signs_in(make_user(ctx, "operator@example.com"))


def test_with_one_admin_nobody_waits(
    app: Flask, ctx: Context, maker: User, monkeypatch: pytest.MonkeyPatch, mails: Mails
) -> None:
    waits = make_user(acts(ctx, maker), "waits@example.com")
    monkeypatch.setitem(app.config, "REQUIRE_SECOND_ADMIN", False)
    made = make_user(acts(ctx, maker))
    assert signs_in(made)
    told = compose(ctx, mails()[-1])
    assert told is not None
    assert told["Subject"] == "Nila is an admin now"
    assert re.search(r"made Nila \(new@example.com\) an admin", told.get_content())
    with transaction():
        deactivate_user(acts(ctx, maker), made.id)
        reactivate_user(acts(ctx, maker), made.id)
    assert signs_in(made)
    # Whoever waited from before is let in by anybody.
    with transaction():
        activate_user(acts(ctx, maker), waits.id)
    assert signs_in(waits)


def test_unknown_and_active_users_are_not_activated(ctx: Context, maker: User, checker: User) -> None:
    with pytest.raises(NotFound), transaction():
        activate_user(acts(ctx, checker), 999)
    with pytest.raises(Conflict, match="active already"), transaction():
        activate_user(acts(ctx, checker), maker.id)


@pytest.mark.parametrize(
    "change",
    [
        "active = true",
        "active = true, activation_decided_at = now()",
        "active = true, activation_decided_at = now(), activation_decided_by = activation_asked_by",
        "active = true, activation_decided_at = now(), activation_decided_by = id",
        "active = true, activation_decided_at = now(), activation_decided_by = {checker}, activation_refusal = 'no'",
        "activation_asked_by = NULL",
        "activation_refusal = 'no'",
        "activation_decided_by = {checker}",
    ],
)
def test_the_database_refuses_it_too(maker: User, checker: User, waiting: User, change: str) -> None:
    sql = f"UPDATE users SET {change.format(checker=checker.id)} WHERE id = :id"
    with pytest.raises(IntegrityError, match=r"ck_users_activat"), transaction():
        db.session.execute(text(sql), {"id": waiting.id})


def test_two_admins_at_once_make_one_activation(
    app: Flask, ctx: Context, maker: User, checker: User, waiting: User
) -> None:
    third = make_user(ctx, "third@example.com")
    user_id = waiting.id

    def decide(actor: Context) -> str:
        try:
            with transaction():
                activate_user(actor, user_id)
        except Conflict:
            return "late"
        return "done"

    outcomes = in_threads(
        app, [partial(decide, acts(ctx, admin)) for admin in (checker, third, checker, third)]
    )
    assert sorted(outcomes) == ["done", "late", "late", "late"]
    assert kinds(waiting).count("admin_activated") == 1


def test_deciding_and_shutting_out_at_once_never_lock_each_other(
    app: Flask, ctx: Context, maker: User, checker: User, waiting: User
) -> None:
    """Whoever comes first: the activation of one who was shut out does not hold, and no transaction is killed."""
    decider, boss, user_id = acts(ctx, checker), acts(ctx, maker), waiting.id

    def run(work: Callable[..., object], actor: Context, about: int) -> type[Exception] | None:
        try:
            with transaction():
                work(actor, about)
        except Exception as error:
            return type(error)
        return None

    refused, failed = in_threads(
        app,
        [partial(run, activate_user, decider, user_id), partial(run, deactivate_user, boss, checker.id)],
    )
    db.session.expire_all()
    assert failed is None
    assert refused is (None if waiting.active else NotAllowed)


def test_a_link_asked_for_while_waiting_leads_nowhere(
    ctx: Context, maker: User, waiting: User, mails: Mails
) -> None:
    with transaction():
        request_password_reset(ctx, NEW_EMAIL)
    assert compose(ctx, mails()[-1]) is None
