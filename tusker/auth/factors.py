"""Second factors: showing one at sign-in and before what moves money, adding and removing them."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import segno
from flask import Response, current_app, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker import clock
from tusker.auth.blueprint import bp, signed_in
from tusker.auth.forms import AppForm, FactorForm, KnownForm, PasskeyForm
from tusker.auth.sessions import KEY, admit, half_session, this_session
from tusker.errors import TuskerError
from tusker.extensions import limiter
from tusker.messages import say
from tusker.models import AccessKind, User, UserSession
from tusker.services.context import Context
from tusker.services.people import factors, passkeys, sessions
from tusker.services.people.access_log import log_access
from tusker.transactions import transaction
from tusker.web.access import FRESH, PASSWORD, acting, allow, public
from tusker.web.forms.kept import form_of_request, seal
from tusker.web.guards.guessing import confirm_password, guarded
from tusker.web.guards.visitors import network, not_taken, person, visitor
from tusker.web.htmx import current_path, done, go, is_htmx, render
from tusker.web.qr import draw
from tusker.web.urls import local_url

FRESH_FOR = timedelta(minutes=5)
"""How long a second factor that was shown counts for what asks for it anew."""
HASHES = "60 per 15 minutes"
"""How often somebody may have a password or code hashed, right ones too: each takes a processor and 64 MiB."""
_CHALLENGE, _SECRET, _KNOWN = "passkey_challenge", "app_secret", "password_at"


def demand_fresh() -> ResponseReturnValue | None:
    """Before a request of a view that wants a fresh second factor, or of those who have none the password: ask for it.
    A form is kept and sent afterwards."""
    view = current_app.view_functions.get(request.endpoint or "")
    found: UserSession | None = g.get("user_session")
    if found is None or not getattr(view, FRESH if g.has_factor else PASSWORD, False):
        return None
    if (clock.now() - _shown_at(found)).total_seconds() < FRESH_FOR.total_seconds():
        return None
    if is_htmx():
        return go(url_for("auth.confirm", next=current_path()))
    kept = form_of_request(current_user.id)
    if kept is None:
        back = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("auth.confirm", next=back), 303)
    form = _shown_form()(formdata=None)
    return _factor_page(form, current_user.id, "auth.confirm", seal(kept), kept.page, status=401)


def _shown_at(of: UserSession) -> datetime:
    """When the person of a session last showed a second factor, or where they have none the password."""
    if g.has_factor:
        return of.factor_at or of.created_at - FRESH_FOR
    return max(of.created_at, datetime.fromtimestamp(session.get(_KNOWN, 0), UTC))


def _shown_form() -> type[FactorForm | KnownForm]:
    return FactorForm if g.has_factor else KnownForm


def _tries_key() -> str:
    half = half_session()
    return f"{network()}|{half.user_id}" if half else person()


@bp.route("/login/second", methods=["GET", "POST"])
@limiter.limit("10 per 15 minutes", key_func=_tries_key, methods=["POST"], deduct_when=not_taken)
@public
def second() -> ResponseReturnValue:
    """The second step of signing in."""
    half = half_session()
    if current_user.is_authenticated:
        return signed_in()
    form = FactorForm()
    if half is not None and g.has_factor and form.is_submitted():
        if _taken(form, half):
            admit(half)
            return signed_in()
        return _factor_page(form, half.user_id, "auth.second", *_onward())
    return second_step()


def second_step() -> ResponseReturnValue:
    """What follows the password: the page that asks for the second factor, or the one that adds it."""
    half = half_session()
    if half is None or not g.has_factor:
        return redirect(url_for("auth.enrol" if half else "auth.login", next=request.args.get("next")), 303)
    return _factor_page(FactorForm(formdata=None), half.user_id, "auth.second", *_onward())


def _onward() -> tuple[str | None, str | None]:
    """The form that was kept, and the page to go back to."""
    return request.form.get("kept"), request.args.get("next")


@bp.route("/account/confirm", methods=["GET", "POST"])
@limiter.limit("10 per 15 minutes", key_func=_tries_key, methods=["POST"], deduct_when=not_taken)
@limiter.limit(HASHES, key_func=_tries_key, methods=["POST"])
@allow()
def confirm() -> ResponseReturnValue:
    """A second factor shown anew, or the password of those who have none, before what asks for it."""
    form = _shown_form()()
    if form.is_submitted() and _shown(form, this_session()):
        if not request.form.get("kept"):
            flash(say("Confirmed. Continue within five minutes."), "success")
        return signed_in()
    return _factor_page(form, current_user.id, "auth.confirm", *_onward())


def _shown(form: FactorForm | KnownForm, of: UserSession) -> bool:
    return _taken(form, of) if isinstance(form, FactorForm) else _known(form, of)


def _taken(form: FactorForm, of: UserSession) -> bool:
    """Whether the code or the passkey's answer of a form is right; then the session has its second factor."""
    if not form.validate():
        return False
    ctx = _context_of(of.user)
    try:
        with guarded(of.user, AccessKind.FACTOR_FAILED):
            if form.passkey.data:
                factors.check_passkey(ctx, of.user_id, answer=form.passkey.filled, challenge=_challenge())
            else:
                factors.check_code(ctx, of.user_id, form.code.data or "")
            token = sessions.note_factor(ctx.now, of.id)
            log_access(ctx.now, AccessKind.FACTOR_SHOWN, visitor(), user_id=of.user_id, email=of.user.email)
    except TuskerError as error:
        form.take(error)
        return False
    session[KEY] = token
    return True


def _known(form: KnownForm, of: UserSession) -> bool:
    """Whether the password of a form is right; then it need not be given again for a while."""
    if not form.validate():
        return False
    try:
        confirm_password(of.user, form.password.filled)
    except TuskerError as error:
        form.take(error)
        return False
    with transaction():
        session[KEY] = sessions.new_token(of.id)
    session[_KNOWN] = clock.now().timestamp()
    return True


def _factor_page(
    form: FactorForm | KnownForm,
    user_id: int,
    endpoint: str,
    kept: str | None,
    back: str | None,
    *,
    status: int | None = None,
) -> Response:
    asked = passkeys.request(factors.factors_of(user_id))
    return render(
        "auth/second.html",
        status=status,
        form=form,
        action=url_for(endpoint, next=back),
        kept=kept,
        passkey=_asked(asked) if asked else None,
    )


@bp.route("/login/enrol", methods=["GET", "POST"])
@limiter.limit("10 per 15 minutes", key_func=_tries_key, methods=["POST"], deduct_when=not_taken)
@public
def enrol() -> ResponseReturnValue:
    """Adding the second factor that somebody must have who signed in with the password only."""
    half = half_session()
    if current_user.is_authenticated:
        return signed_in()
    if half is None or g.has_factor:
        return redirect(url_for("auth.second" if half else "auth.login", next=request.args.get("next")))
    return _adding(half, "auth.enrol", first=True)


@bp.route("/account/factors/new", methods=["GET", "POST"])
@limiter.limit("10 per 15 minutes", key_func=_tries_key, methods=["POST"], deduct_when=not_taken)
@allow(fresh=True, password=True)
def new_factor() -> ResponseReturnValue:
    return _adding(this_session(), "auth.new_factor", first=False)


def _adding(of: UserSession, endpoint: str, *, first: bool) -> ResponseReturnValue:
    """The page with an app's QR code and the button for a passkey; then the recovery codes or the account."""
    app, passkey = AppForm(prefix="app"), PasskeyForm(prefix="passkey")
    ctx = _context_of(of.user)
    form: AppForm | PasskeyForm = passkey if passkey.answer.data else app
    if form.is_submitted() and form.validate():
        with form.saving():
            if isinstance(form, PasskeyForm):
                codes = factors.add_passkey(
                    ctx,
                    of.user_id,
                    answer=form.answer.filled,
                    challenge=_challenge(),
                    name=form.name.filled,
                )
            else:
                codes = factors.add_app(
                    ctx, of.user_id, secret=_secret(), code=form.code.filled, name=form.name.filled
                )
            token = sessions.note_factor(ctx.now, of.id)
        if form.saved:
            session.pop(_SECRET, None)
            session[KEY] = token
            if first:
                admit(of)
            if codes:
                next_url = local_url(request.args.get("next"), url_for("auth.account"))
                return render_template("auth/recovery_codes.html", codes=codes, next_url=next_url)
            return done(say("The second factor is added."), to=url_for("auth.account"))
    uri = factors.app_uri(of.user, _secret())
    page = "auth/enrol.html" if first else "auth/factor_new.html"
    return render(
        page,
        page,
        status=422 if app.is_submitted() else 200,
        app=app,
        passkey=passkey,
        action=url_for(endpoint, next=request.args.get("next")),
        qr=draw(segno.make(uri, micro=False)),
        secret=" ".join(_secret()[i : i + 4] for i in range(0, 32, 4)),
        options=_asked(passkeys.creation(of.user, factors.factors_of(of.user_id))),
    )


@bp.post("/account/factors/<int:factor_id>/remove")
@allow(fresh=True)
def remove_factor(factor_id: int) -> ResponseReturnValue:
    with transaction():
        factors.remove_factor(acting(), current_user.id, factor_id)
    return done(say("The second factor is removed."), to=url_for("auth.account"))


@bp.post("/account/factors/codes")
@limiter.limit("10 per 15 minutes", key_func=_tries_key)
@allow(fresh=True)
def recovery_codes() -> ResponseReturnValue:
    """New recovery codes, shown this once; the old ones no longer work."""
    with transaction():
        codes = factors.new_recovery_codes(acting(), current_user.id)
    return render_template("auth/recovery_codes.html", codes=codes, next_url=url_for("auth.account"))


def _context_of(user: User) -> Context:
    return Context(actor_id=user.id, actor=user.name, now=clock.now(), today=clock.today())


def _asked(options: tuple[bytes, dict[str, Any]]) -> dict[str, Any]:
    """What a page tells the browser; the challenge waits in the session for the answer."""
    session[_CHALLENGE] = b64encode(options[0]).decode()
    return options[1]


def _challenge() -> bytes:
    """The challenge of this session's last page; it is answered once."""
    return b64decode(session.pop(_CHALLENGE, ""))


def _secret() -> str:
    """The secret of the app that is being added: the same from the QR code to its first code."""
    secret: str = session.setdefault(_SECRET, pyotp.random_base32())
    return secret
