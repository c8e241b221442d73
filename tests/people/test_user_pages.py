"""Users: inviting, shutting out, letting in again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.pages import HTMX
from tusker.extensions import db
from tusker.models import Customer, OutboxMessage, Role, User

pytestmark = pytest.mark.usefixtures("stopped_clock")


def test_a_new_user_gets_a_link_to_choose_a_password(
    login: Callable[..., FlaskClient],
    make_supplier: Callable[..., Customer],
    mails: Callable[[], list[OutboxMessage]],
) -> None:
    supplier = make_supplier("Deccan Textiles")
    answer = login().post(
        "/admin/users/new",
        data={"name": "Meera", "email": "Meera@Example.com", "role": "supplier", "customer_id": supplier.id},
    )
    assert answer.status_code == 303
    user = db.session.query(User).filter_by(email="meera@example.com").one()
    assert (user.role, user.customer_id, user.active) == ("supplier", supplier.id, True)
    assert [(m.template, m.recipient) for m in mails()] == [("people/password_reset", "meera@example.com")]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": ""}, "Name is required."),
        ({"name": "x" * 300}, "Name may have at most 120 characters."),
        ({"email": "nobody"}, "The email is not a mail address."),
        ({"email": "admin@example.com"}, "A user with this email exists already."),
        ({"role": "owner"}, "Role: choose one of the list."),
        ({"role": ""}, "Role is required."),
        ({"role": "supplier"}, "A supplier user needs a company."),
        ({"role": "purchaser", "company": "yes"}, "is not a purchaser."),
        ({"role": "admin", "company": "yes"}, "belongs to no company."),
        ({"customer_id": "999"}, "Company: choose one of the list."),
    ],
)
def test_what_cannot_be_taken_names_its_field_and_writes_nothing(
    login: Callable[..., FlaskClient],
    create_user: Callable[..., User],
    make_supplier: Callable[..., Customer],
    mails: Callable[[], list[OutboxMessage]],
    given: dict[str, str],
    said: str,
) -> None:
    supplier, admin = make_supplier(), create_user(Role.ADMIN, email="admin@example.com")
    data: dict[str, Any] = {"name": "Meera", "email": "meera@example.com", "role": "auditor"} | given
    if data.pop("company", None):
        data["customer_id"] = supplier.id
    answer = login(user=admin).post("/admin/users/new", data=data, headers=HTMX)
    assert answer.status_code == 422
    assert said in answer.text
    assert db.session.query(User).count() == 1
    assert mails() == []


def test_shut_out_and_let_in_again_with_the_changed_row(
    login: Callable[..., FlaskClient], create_user: Callable[..., User], scalar: Callable[..., Any]
) -> None:
    other = create_user(Role.AUDITOR)
    other_id, visitor = other.id, login(user=other)
    browser = login()
    row = browser.post(f"/admin/users/{other_id}/deactivate", data={"reason": "Left"}, headers=HTMX)
    assert row.text.lstrip().startswith(f'<tr id="user-{other_id}">')
    assert 'data-status="inactive"' in row.text
    assert visitor.get("/admin/").status_code == 302
    assert scalar("SELECT reason FROM events WHERE kind = 'user_deactivated'") == "Left"
    back = browser.post(f"/admin/users/{other_id}/reactivate", headers=HTMX)
    assert 'data-status="active"' in back.text


def test_nobody_shuts_oneself_out(
    login: Callable[..., FlaskClient], create_user: Callable[..., User], scalar: Callable[..., Any]
) -> None:
    admin = create_user(Role.ADMIN)
    admin_id = admin.id
    browser = login(user=admin)
    assert browser.post(f"/admin/users/{admin_id}/deactivate").status_code == 409
    assert scalar("SELECT active FROM users WHERE id = :id", id=admin_id) is True
    assert "Deactivate" not in browser.get("/admin/users").text


def test_another_link_for_a_known_user_and_none_for_a_stranger(
    login: Callable[..., FlaskClient],
    create_user: Callable[..., User],
    mails: Callable[[], list[OutboxMessage]],
) -> None:
    other = create_user(Role.AUDITOR)
    other_id, email = other.id, other.email
    browser = login()
    assert browser.post(f"/admin/users/{other_id}/invite").status_code == 303
    assert [m.recipient for m in mails()] == [email]
    assert browser.post("/admin/users/9999/invite").status_code == 404


def test_the_list_is_filtered(
    login: Callable[..., FlaskClient],
    create_user: Callable[..., User],
    make_supplier: Callable[..., Customer],
) -> None:
    admin, seller = create_user(Role.ADMIN), create_user(Role.SUPPLIER, customer=make_supplier("Nilgiri Tea"))
    emails = (admin.email, seller.email)
    browser = login(user=admin)

    def shown(query: str) -> list[bool]:
        html = browser.get(f"/admin/users?{query}", headers=HTMX).text
        return [email in html for email in emails]

    assert shown("") == [True, True]
    assert shown("role=supplier") == [False, True]
    assert shown("q=nilgiri") == [False, True]
    assert shown("state=inactive") == [False, False]
