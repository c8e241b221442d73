"""Sign in, sign out, the account page, and passwords."""

from flask import (
    Response,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import BadRequest

from tusker import clock
from tusker.auth.blueprint import bp, signed_in
from tusker.auth.factors import HASHES, second_step
from tusker.auth.forms import ForgotForm, LoginForm, PasswordForm, ResetForm
from tusker.auth.sessions import KEY, empty_session, half_session, start_session, stop_session, this_session
from tusker.errors import InvalidInput, TooManyTries
from tusker.extensions import limiter
from tusker.messages import LANGUAGES, say
from tusker.models import AccessKind, User
from tusker.services.context import Context
from tusker.services.people import factors, passwords, sessions, users
from tusker.services.people.access_log import log_access
from tusker.transactions import transaction
from tusker.web import languages
from tusker.web.access import PUBLIC, SignInNeeded, access_of, acting, allow, public
from tusker.web.forms.kept import form_of_request, page_of_form, seal
from tusker.web.guards.guessing import confirm_password
from tusker.web.guards.visitors import network, person, visitor
from tusker.web.htmx import current_path, done, is_htmx, render
from tusker.web.urls import local_url

# One sentence for every reason, so that nobody learns which part was wrong.
FAILED = say("Email and password do not match an active account.")
ASKED = say(
    "If this address belongs to an account, a mail with a link is on its way. The link works for one hour."
)


def _asked_key() -> str:
    return f"account {request.form.get('email', '').strip().lower()[:254]}"


def _attempt_key() -> str:
    return f"{network()}|{_asked_key()}"


def _failed(answer: Response) -> bool:
    return answer.status_code != 303


STOP_POLLING = 286
"""The status by which htmx stops asking."""


@bp.route("/login", methods=["GET", "POST"])
@limiter.limit("10 per 15 minutes", key_func=_attempt_key, methods=["POST"], deduct_when=_failed)
@limiter.limit("100 per 15 minutes", key_func=network, methods=["POST"], deduct_when=_failed)
@limiter.limit(HASHES, key_func=_attempt_key, methods=["POST"])
@public
def login() -> ResponseReturnValue:
    """The sign-in page; afterwards back to the page in `next`, if it is one of ours, or to the form that was kept."""
    if current_user.is_authenticated:
        return signed_in()
    form = LoginForm()
    if form.validate_on_submit():
        user = _sign_in(form.email.filled, form.password.filled)
        if user is not None:
            return signed_in() if start_session(user) else second_step()
        form.form_errors = [FAILED]
    kept, next_url = request.form.get("kept"), request.args.get("next")
    return render("auth/login.html", form=form, kept=kept, next_url=next_url)


def _sign_in(email: str, password: str) -> User | None:
    now = clock.now()
    try:
        with transaction():
            return passwords.sign_in(now, email, password, visitor())
    except TooManyTries:
        with transaction():
            log_access(now, AccessKind.SLOWED, visitor(), email=email.strip().lower())
        raise


def ask_to_sign_in(_: SignInNeeded) -> ResponseReturnValue:
    """Answer a request of nobody: the sign-in page, which leads back, with the form that was being sent.

    To htmx a message: the page with what was typed stays as it is, and goes on after a sign-in in another tab.
    """
    half = half_session()
    if is_htmx():
        answer = make_response(render_template("auth/_signed_out.html", next_url=current_path()))
        answer.status_code = STOP_POLLING if request.headers.get("Polls") == "true" else 401
        answer.headers["HX-Retarget"] = "#messages"
        answer.headers["HX-Reswap"] = "innerHTML"
        answer.headers["HX-Push-Url"] = "false"
        return answer
    if access_of(current_app, request.endpoint or "static") == PUBLIC:
        # The form of signing in itself, or one like it, from a page that was open for too long.
        flash(say("This page was open too long. Please send it again."), "info")
        return redirect(page_of_form() or url_for("auth.login"), 303)
    ended = None if half else session.pop(KEY, None)
    kept = form_of_request(sessions.user_of_ended(ended) if ended else None)
    if kept is not None:
        form = LoginForm(formdata=None)
        return render("auth/login.html", status=401, form=form, kept=seal(kept), next_url=kept.page)
    if ended:
        flash(say("Your session has ended. Sign in again."), "info")
    back = request.full_path.rstrip("?") if request.method == "GET" else ""
    endpoint = "auth.second" if half else "auth.login"
    return redirect(url_for(endpoint, next=back if back not in {"", "/"} else None))


@bp.post("/logout")
@public
def logout() -> ResponseReturnValue:
    stop_session()
    flash(say("You are signed out."), "success")
    answer = redirect(url_for("auth.login"), 303)
    # pages that the browser still holds to go back to, too
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@bp.post("/account/sessions/<int:session_id>/end")
@allow(fresh=True, password=True)
def end_session(session_id: int) -> ResponseReturnValue:
    with transaction():
        sessions.end_session(clock.now(), current_user.id, session_id)
    return done(say("That browser is signed out."), to=url_for("auth.account"))


@bp.post("/account/sessions/end")
@allow(fresh=True, password=True)
def end_other_sessions() -> ResponseReturnValue:
    with transaction():
        sessions.end_other_sessions(clock.now(), current_user.id, this_session().id)
    return done(say("Everywhere else you are signed out."), to=url_for("auth.account"))


@bp.post("/account/session")
@allow()
def stay() -> ResponseReturnValue:
    """Somebody is still there: their request alone keeps the session."""
    return "", 204


@bp.post("/language")
@public
def language() -> ResponseReturnValue:
    """Choose the language: of one's account, or where nobody is signed in of this browser."""
    chosen = request.form.get("language", "")
    if current_user.is_authenticated:
        with transaction():
            users.choose_language(acting(), current_user.id, chosen)
    elif chosen not in LANGUAGES:
        raise BadRequest
    languages.choose(chosen)
    if current_user.is_authenticated:
        flash(say("Your language is {language}.", language=LANGUAGES[chosen]), "success")
    return redirect(local_url(request.form.get("next"), url_for("web.start")), 303)


@bp.get("/account")
@allow()
def account() -> ResponseReturnValue:
    """The user's own account, with the form for a new password."""
    return _account_page(PasswordForm())


def _account_page(form: PasswordForm) -> Response:
    return render(
        "auth/account.html",
        form=form,
        sessions=sessions.live_sessions(clock.now(), current_user.id),
        this_session=this_session(),
        factors=factors.factors_of(current_user.id),
        codes_left=factors.codes_left(current_user.id),
    )


@bp.post("/account/password")
@limiter.limit("10 per 15 minutes", key_func=person, deduct_when=_failed)
@allow()
def password() -> ResponseReturnValue:
    """Change the password; the user stays signed in here and is signed out everywhere else."""
    form = PasswordForm()
    if form.validate_on_submit():
        with form.saving():
            confirm_password(current_user, form.current_password.filled, field="current_password")
            user = passwords.change_password(acting(), current_user.id, form.new_password.filled)
        if form.saved:
            start_session(user)
            flash(say("Your password is changed. Everywhere else you are signed out."), "success")
            return redirect(url_for("auth.account"), 303)
    return _account_page(form)


@bp.route("/forgot", methods=["GET", "POST"])
@limiter.limit("10 per hour", methods=["POST"])
@limiter.limit("5 per hour", key_func=_asked_key, methods=["POST"])
@public
def forgot() -> ResponseReturnValue:
    """The form that asks for a link. The answer, and the time it takes, are the same for every address."""
    form = ForgotForm()
    if form.validate_on_submit():
        try:
            with transaction():
                passwords.request_password_reset(_visitor(), users.clean_email(form.email.filled))
        except InvalidInput as error:
            form.take(error)
        else:
            flash(ASKED, "info")
            return redirect(url_for("auth.login"), 303)
    return render("auth/forgot.html", form=form)


@bp.route(f"{passwords.RESET_PATH}<token>", methods=["GET", "POST"])
@limiter.limit("30 per hour", methods=["POST"])
@public
def reset(token: str) -> ResponseReturnValue:
    """The form of the link from the mail, which sets a new password."""
    if not passwords.reset_token_works(token):
        return render_template("auth/expired.html"), 410
    form = ResetForm()
    if form.validate_on_submit():
        with form.saving():
            passwords.reset_password(_visitor(), token, form.new_password.filled)
        if form.saved:
            empty_session(session.get("language"))
            flash(say("Your new password is set. Sign in with it."), "success")
            return redirect(url_for("auth.login"), 303)
    return render("auth/reset.html", form=form)


def _visitor() -> Context:
    return Context(actor_id=None, actor="password reset", now=clock.now(), today=clock.today())
