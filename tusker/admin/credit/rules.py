"""Risk rules: what stands, what was ended, adding, changing and ending."""

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.admin.forms import RuleForm
from tusker.domain.credit.risk import RuleKind
from tusker.errors import existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import RiskRule, Role
from tusker.queries.credit.customers import purchaser_choices, supplier_choices
from tusker.queries.credit.risk import rules_made
from tusker.services.credit.risk.judging import bound_of
from tusker.services.credit.risk.rules import RuleData, add_rule, change_rule, end_rule, value_of
from tusker.transactions import transaction
from tusker.web.access import acting, allow
from tusker.web.forms.form import sent_reason
from tusker.web.htmx import Undo, done, render

SHOWN = 200
"""Rules of each table; there are rarely more."""


@bp.get("/rules")
@allow(Role.ADMIN, Role.AUDITOR)
def rules() -> Response:
    """The rules that stand and those that were ended, with who made and ended them and why."""
    return _show(_form())


@bp.post("/rules")
@allow(Role.ADMIN)
def add_a_rule() -> ResponseReturnValue:
    """Add a rule: of several the tightest counts."""
    form = _form()
    if form.validate_on_submit():
        with form.saving():
            kind = RuleKind(form.kind.filled)
            data = RuleData(
                kind,
                value_of(kind, form.value.data or ""),
                form.supplier_id.data,
                form.purchaser_id.data,
                form.valid_from.data,
                form.valid_to.data,
            )
            rule_id = add_rule(acting(), data, reason=form.reason.filled).id
        if form.saved:
            undo = Undo(url_for("admin.end_a_rule", rule_id=rule_id))
            return done(say("The rule is active."), to=url_for("admin.rules"), undo_by=undo)
    return _show(form)


@bp.post("/rules/<int:rule_id>/change")
@allow(Role.ADMIN)
def change_a_rule(rule_id: int) -> ResponseReturnValue:
    """Another bound; a looser one needs another admin where two are asked for."""
    row = existing(db.session.get(RiskRule, rule_id), say("rule"))
    value = value_of(RuleKind(row.kind), request.form.get("value", ""))
    with transaction():
        made = change_rule(acting(), rule_id, value, reason=sent_reason())
    to = url_for("admin.rules")
    return done(say("The rule was changed."), to=to, made=made)


@bp.post("/rules/<int:rule_id>/end")
@allow(Role.ADMIN)
def end_a_rule(rule_id: int) -> ResponseReturnValue:
    with transaction():
        made = end_rule(acting(), rule_id, reason=sent_reason())
    to = url_for("admin.rules")
    return done(say("The rule has ended."), to=to, made=made)


def _form() -> RuleForm:
    form = RuleForm()
    form.supplier_id.choices, form.purchaser_id.choices = supplier_choices(), purchaser_choices()
    return form


def _show(form: RuleForm) -> Response:
    return render(
        "admin/credit/rules.html",
        form=form,
        standing=rules_made(ended=False, limit=SHOWN),
        ended=rules_made(ended=True, limit=SHOWN),
        bound_of=bound_of,
    )
