"""The part of a company's form that holds its ids at delivery companies.

What was added so far travels in the form itself, so that searching the directory, adding and taking away work before
anything is saved, with htmx and without.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from flask import request

from tusker.carriers.registry import get_carrier, get_carriers
from tusker.domain.delivery.shipments import DirectoryEntry
from tusker.errors import TuskerError
from tusker.extensions import db
from tusker.messages import say
from tusker.models import CarrierIdentity
from tusker.services.couriers.gate import asking
from tusker.services.credit.customers.identities import IdentityData

SIDES = ("supplier", "purchaser")
MOST_RESULTS = 20


@dataclass
class IdentityDraft:
    """The ids so far, and what the directory answered (None: it was not asked)."""

    chosen: list[IdentityData] = field(default_factory=list)
    carriers: list[str] = field(
        # Parcels name no companies, so companies have ids only where orders are declared.
        default_factory=lambda: sorted(name for name, it in get_carriers().items() if it.declares_orders)
    )
    carrier: str = ""
    text: str = ""
    results: list[DirectoryEntry] | None = None
    more: int = 0
    error: str = ""

    def __post_init__(self) -> None:
        if not self.carrier and self.carriers:
            self.carrier = self.carriers[0]

    def has(self, side: str, external_id: str | None) -> bool:
        """Whether an id at the delivery company that was searched is among those so far."""
        return any(
            (i.carrier, i.side, i.external_id) == (self.carrier, side, external_id) for i in self.chosen
        )

    def add(self, identity: IdentityData) -> None:
        """Add an id; a supplier's takes the place of the one it had at that delivery company."""
        self.chosen = [
            i
            for i in self.chosen
            if (i.carrier, i.side) != (identity.carrier, identity.side)
            or (i.side == "purchaser" and i.external_id != identity.external_id)
        ]
        self.chosen.append(identity)

    def search(self) -> None:
        """Ask the delivery company's directory; an error is shown in the form, not raised."""
        # No transaction is kept open while the delivery company answers.
        db.session.rollback()
        try:
            carrier = get_carrier(self.carrier)
            with asking(carrier):
                found = carrier.search_directory(self.text)
        except TuskerError as error:
            self.error = error.message
        else:
            self.results, self.more = found[:MOST_RESULTS], max(0, len(found) - MOST_RESULTS)


def pack(carrier: str, side: str, external_id: str, label: str) -> str:
    """An id as the value of a button or hidden field."""
    return json.dumps([carrier, side, external_id, label], ensure_ascii=False)


def draft_of(identities: Iterable[CarrierIdentity]) -> IdentityDraft:
    return IdentityDraft([IdentityData(i.carrier, i.side, i.external_id, i.label) for i in identities])


def read_draft() -> IdentityDraft:
    """What was sent, with the change of the button that was pressed."""
    form = request.form
    chosen = [identity for value in form.getlist("identity") if (identity := _unpack(value))]
    draft = IdentityDraft(
        chosen, carrier=form.get("carrier", "")[:40], text=form.get("directory_text", "").strip()[:120]
    )
    if added := _unpack(form.get("add", "")):
        draft.add(added)
    if removed := _unpack(form.get("remove", "")):
        draft.chosen = [i for i in draft.chosen if i != removed]
    if form.get("directory") == "by_hand":
        _add_by_hand(draft)
    if form.get("directory") == "search" or _unsearched(draft.text):
        draft.search()
    return draft


def only_drafting() -> bool:
    """Whether a button of this part sent the form; then nothing is saved yet."""
    form = request.form
    return any(name in form for name in ("add", "remove", "directory")) or _unsearched(
        form.get("directory_text", "")
    )


def _unsearched(text: str) -> bool:
    """Whether Enter was pressed in the search: in any field it presses the form's first button, `enter`, and a search
    text that was not searched for yet means that it was pressed there."""
    return "enter" in request.form and text.strip() not in {"", request.form.get("directory_searched", "")}


def _add_by_hand(draft: IdentityDraft) -> None:
    side, external_id = request.form.get("hand_side", ""), request.form.get("hand_id", "").strip()
    if side not in SIDES or not external_id or len(external_id) > 60 or not external_id.isprintable():
        draft.error = say("An id by hand needs 1 to 60 readable characters.")
    elif draft.carrier not in draft.carriers:
        draft.error = say("Choose the delivery company.")
    else:
        draft.add(IdentityData(draft.carrier, side, external_id))


def _unpack(value: str) -> IdentityData | None:
    """The id in a button's or hidden field's value; None for what `pack` did not make."""
    try:
        carrier, side, external_id, label = json.loads(value)
    except (ValueError, TypeError):
        return None
    texts = (carrier, side, external_id, label)
    if not all(isinstance(text, str) and (text == "" or text.isprintable()) for text in texts):
        return None
    if side not in SIDES or not 0 < len(external_id.strip()) <= 60 or not 0 < len(carrier) <= 40:
        return None
    return IdentityData(carrier, side, external_id.strip(), label[:200])
