"""Claims for goods that came back: decided on the invoice's page, and decisions taken back."""

from flask import url_for
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.admin.forms import ClaimForm
from tusker.messages import say
from tusker.models import Claim, ClaimState, Role
from tusker.services.loans import claim_undoing, claims
from tusker.transactions import transaction
from tusker.web.access import acting, allow
from tusker.web.forms.form import sent_reason
from tusker.web.htmx import Undo, done


@bp.post("/claims/<int:claim_id>/accept")
@allow(Role.ADMIN)
def accept_claim(claim_id: int) -> ResponseReturnValue:
    """Take a claim in review, for less if an amount is given."""
    form = ClaimForm().checked()
    with transaction():
        claim = claims.accept_claim(acting(), claim_id, amount=form.amount.data, reason=form.reason.filled)
    return _decided(claim, say("The claim is accepted: it is deducted from the supplier's next payouts."))


@bp.post("/claims/<int:claim_id>/dismiss")
@allow(Role.ADMIN)
def dismiss_claim(claim_id: int) -> ResponseReturnValue:
    with transaction():
        claim = claims.dismiss_claim(acting(), claim_id, reason=sent_reason())
    return _decided(claim, say("The claim is dismissed."))


@bp.post("/claims/<int:claim_id>/reopen")
@allow(Role.ADMIN)
def reopen_claim(claim_id: int) -> ResponseReturnValue:
    with transaction():
        claim = claim_undoing.reopen_claim(acting(), claim_id, reason=sent_reason())
    words = {
        ClaimState.REVIEW: say(
            "The claim waits for a decision again; what was netted of it is the supplier's credit."
        ),
        ClaimState.ACCEPTED: say("Its open part is given up."),
        ClaimState.DISMISSED: say(
            "Nothing is claimed any more; what was netted of it is the supplier's credit."
        ),
    }
    return _changed(claim, words[claim.state])


def _decided(claim: Claim, message: str) -> ResponseReturnValue:
    return _changed(claim, message, Undo(url_for("admin.reopen_claim", claim_id=claim.id)))


def _changed(claim: Claim, message: str, undo: Undo | None = None) -> ResponseReturnValue:
    return done(message, to=url_for("invoices.show", invoice_id=claim.invoice_id), undo_by=undo)
