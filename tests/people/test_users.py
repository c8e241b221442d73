"""Making users, shutting them out, and the commands for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pyotp
import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.support.people import kinds
from tests.support.values import PASSWORD
from tusker.errors import Conflict, Duplicate, InvalidInput, NotFound, TuskerError
from tusker.extensions import db
from tusker.models import Customer, Event, Role, User
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.people import passwords, users
from tusker.services.people.access_log import Visitor
from tusker.services.people.factors import add_app
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("limits_count")


def make(ctx: Context, **changes: object) -> User:
    data = {"email": "asha@example.com", "name": "Asha", "role": "admin", "password": PASSWORD, **changes}
    with transaction():
        return users.create_user(ctx, **data)


def test_a_user_is_stored_with_its_event(app: Flask, ctx: Context) -> None:
    user = make(ctx, email=" Asha@Example.COM ", name="  Asha  ")
    assert (user.email, user.name, user.role, user.active) == ("asha@example.com", "Asha", "admin", True)
    assert user.password_hash.startswith("$argon2id$")
    (event,) = db.session.query(Event).filter_by(subject="user", subject_id=user.id)
    assert (event.kind, event.to_value, event.actor) == ("user_created", "admin", "test")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "not an address"}, "email"),
        ({"email": "a@b\nc.example"}, "email"),
        ({"email": f"{'x' * 300}@example.com"}, "email"),
        ({"name": ""}, "name"),
        ({"name": "x" * 300}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"role": "king"}, "role"),
        ({"password": "short"}, "password"),
        ({"role": "supplier"}, "customer_id"),
        ({"role": "admin", "customer_id": 1}, "customer_id"),
        ({"role": "supplier", "customer_id": 999}, "customer_id"),
    ],
)
def test_bad_input_names_its_field_and_writes_nothing(
    app: Flask, ctx: Context, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(TuskerError) as caught:
        make(ctx, **changes)
    assert caught.value.field == field
    assert db.session.query(User).count() == 0
    assert db.session.query(Event).count() == 0


def test_a_company_user_belongs_to_the_right_side(
    ctx: Context, make_supplier: Callable[..., Customer]
) -> None:
    company_id = make_supplier().id
    assert make(ctx, role="supplier", customer_id=company_id).customer_id == company_id
    with pytest.raises(InvalidInput, match="is not a purchaser"):
        make(ctx, email="b@example.com", role="purchaser", customer_id=company_id)


def test_an_address_is_taken_once(app: Flask, ctx: Context) -> None:
    make(ctx)
    with pytest.raises(Duplicate) as caught:
        make(ctx, email="ASHA@example.com")
    assert caught.value.field == "email"
    assert db.session.query(User).count() == 1


def test_two_at_once_make_one_user(app: Flask, ctx: Context) -> None:
    start, outcomes = threading.Barrier(4), []

    def run() -> None:
        with app.app_context():
            start.wait()
            try:
                make(ctx)
                outcomes.append("made")
            except Duplicate:
                outcomes.append("duplicate")

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["duplicate"] * 3 + ["made"]


def test_the_last_admin_stays(app: Flask, ctx: Context) -> None:
    first, second = make(ctx).id, make(ctx, email="b@example.com").id
    with transaction():
        users.deactivate_user(ctx, first, "left the company")
    with pytest.raises(Conflict, match="last active admin"), transaction():
        users.deactivate_user(ctx, second)
    with pytest.raises(NotFound), transaction():
        users.deactivate_user(ctx, 999)
    (event,) = db.session.query(Event).filter_by(kind="user_deactivated")
    assert (event.subject_id, event.from_value, event.to_value, event.reason) == (
        first,
        "active",
        "inactive",
        "left the company",
    )


def test_nobody_shuts_themselves_out(app: Flask, ctx: Context) -> None:
    make(ctx)
    user = make(ctx, email="b@example.com")
    with pytest.raises(Conflict, match="yourself"), transaction():
        users.deactivate_user(replace(ctx, actor_id=user.id), user.id)


def test_two_admins_cannot_shut_each_other_out_at_once(app: Flask, ctx: Context) -> None:
    ids = [make(ctx).id, make(ctx, email="b@example.com").id]
    start, outcomes = threading.Barrier(2), []

    def run(user_id: int) -> None:
        with app.app_context():
            start.wait()
            try:
                with transaction():
                    users.deactivate_user(ctx, user_id)
                outcomes.append("done")
            except Conflict:
                outcomes.append("refused")

    threads = [threading.Thread(target=run, args=(user_id,)) for user_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "refused"]


def test_an_old_hash_is_renewed_at_sign_in(app: Flask, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    user = make(ctx)
    weak = user.password_hash
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    with transaction():
        assert passwords.sign_in(ctx.now, user.email, PASSWORD, Visitor("192.0.2.1", "test")) is not None
    db.session.refresh(user)
    assert user.password_hash != weak
    assert "t=2" in user.password_hash
    assert kinds(user)[-1] == "password_hashed_anew"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE users SET password_hash = 'mine' WHERE id = :id",
        "UPDATE users SET role = 'auditor' WHERE id = :id",
        "UPDATE users SET email = 'me@example.com' WHERE id = :id",
        "UPDATE users SET active = false WHERE id = :id",
        "INSERT INTO users (email, name, role, password_hash, created_at)"
        " SELECT 'me@example.com', 'Me', role, password_hash, now() FROM users WHERE id = :id",
        "INSERT INTO recovery_codes (user_id, code_hash, created_at) VALUES (:id, 'mine', now())",
        "UPDATE second_factors SET secret = 'mine' WHERE user_id = :id",
        "DELETE FROM second_factors WHERE user_id = :id",
    ],
)
@pytest.mark.usefixtures("owner")
def test_what_lets_people_in_changes_only_with_an_event_about_them(ctx: Context, sql: str) -> None:
    """Not by SQL alone, nor with another's event or an earlier one; one in a savepoint of the transaction is enough."""
    user, other = make(ctx), make(ctx, email="other@example.com")
    secret = pyotp.random_base32()
    with transaction():
        add_app(ctx, user.id, secret=secret, code=pyotp.TOTP(secret).at(ctx.now), name="Phone")
    for about in (None, other.id):
        if about is not None:
            record_event(ctx, ("user", about), "changed")
        db.session.execute(text(sql), {"id": user.id})
        with pytest.raises(IntegrityError, match="changes only together with an event"):
            db.session.commit()
        db.session.rollback()
    with transaction():
        with db.session.begin_nested():
            # a new row has its event, too
            people = [user.id, db.session.scalar(text("SELECT last_value + 1 FROM users_id_seq"))]
            for person in people:
                record_event(ctx, ("user", person), "changed")
        assert db.session.execute(text(sql), {"id": user.id}).rowcount  # type: ignore[attr-defined]


def test_create_user_command(app: Flask, make_supplier: Callable[..., Customer]) -> None:
    supplier = make_supplier("Kaveri Textiles")
    run = app.test_cli_runner().invoke
    done = run(
        args=[
            "create-user",
            "s@example.com",
            "--name",
            "S",
            "--role",
            "supplier",
            "--company",
            "kaveri textiles",
        ],
        env={"PASSWORD": PASSWORD},
    )
    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    asked = run(
        args=["create-user", "a@example.com", "--name", "A", "--role", "admin"],
        input=f"{PASSWORD}\n{PASSWORD}\n",
    )
    assert asked.exit_code == 0, asked.output
    assert PASSWORD not in asked.output
    db.session.rollback()
    found = db.session.query(User).order_by(User.email).all()
    assert [(u.email, u.role, u.customer_id) for u in found] == [
        ("a@example.com", Role.ADMIN, None),
        ("s@example.com", Role.SUPPLIER, supplier.id),
    ]


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--role", "supplier", "--company", "Nobody"], "No customer has the name or reference “Nobody”"),
        (["--role", "supplier"], "needs a company"),
        (["--role", "admin", "--password", "short"], "password: The password must have at least 12"),
        (["--role", "king"], "Invalid value for '--role'"),
    ],
)
def test_create_user_command_says_what_is_wrong(app: Flask, extra: list[str], words: str) -> None:
    args = ["create-user", "s@example.com", "--name", "S", *extra]
    failed = app.test_cli_runner().invoke(args=args, env={"PASSWORD": PASSWORD})
    assert failed.exit_code != 0
    assert words in failed.output
    assert db.session.query(User).count() == 0


def test_deactivate_user_command(app: Flask, ctx: Context) -> None:
    make(ctx)
    user_id = make(ctx, email="b@example.com").id
    run = app.test_cli_runner().invoke
    assert run(args=["deactivate-user", "B@example.com"]).exit_code == 0
    db.session.rollback()
    assert not db.session.get_one(User, user_id).active
    failed = run(args=["deactivate-user", "nobody@example.com"])
    assert failed.exit_code == 1
    assert "No user has this address" in failed.output
