"""Signing in with an app's code and with a passkey, in Chromium with its virtual authenticator."""

from __future__ import annotations

from collections.abc import Callable

import pyotp

from tests.support.values import PASSWORD
from tests.support.window import Window
from tusker.models import User


def test_a_passkey_and_an_app_let_in(
    open_window: Callable[..., Window], create_user: Callable[..., User]
) -> None:
    user, window = create_user(), open_window()
    session = window.context.new_cdp_session(window.page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page = window.sign_in(user)

    window.open("/account/factors/new")
    page.get_by_role("button", name="Create a passkey").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    window.open("/account/factors/new")
    secret = page.locator("form:has(.tk-qr) code").inner_text().replace(" ", "")
    page.get_by_role("textbox", name="Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Add the app").click()
    page.get_by_text("The second factor is added.").wait_for()

    for shown in ("passkey", "recovery"):
        if shown == "recovery":
            page.get_by_role("button", name="Make new codes").or_(
                page.get_by_text("Make new codes")
            ).first.click()
            page.locator("details[open] button[type=submit]").click()
            code = page.locator(".tk-codes code").first.inner_text()
        page.get_by_role("button", name="Sign out", exact=True).first.click()
        window.open("/login")
        page.get_by_label("Email").fill(user.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Confirm it is you").wait_for()
        if shown == "passkey":
            page.get_by_role("button", name="Use a passkey").click()
        else:
            page.get_by_role("textbox", name="Code").fill(code)
            page.get_by_role("button", name="Confirm").click()
        page.wait_for_url(lambda url: "/login" not in url)
        window.open("/account")
    page.get_by_text("9 recovery codes are left").wait_for()
