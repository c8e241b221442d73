"""Typed errors, raised low and mapped to HTTP and to messages in one place (`tusker.web.errors`)."""

from typing import TypeVar

from tusker.messages import Text, joined, say

Found = TypeVar("Found")


class TuskerError(Exception):
    """Base of every error that a person or another system may be told about.

    `message` is a whole sentence for people, written as for `say` or said already; `field` the name of the input it is
    about (if any), `details` the values of its places and others (ids, minor units) for machines.
    """

    code = "error"
    http_status = 400

    def __init__(self, message: str, /, *, field: str | None = None, **details: object) -> None:
        self.message = message if isinstance(message, Text) else say(message, **details)
        super().__init__(self.message)
        self.field = field
        self.details = details


class InvalidInput(TuskerError):
    """A value that cannot be taken; `field` names it."""

    code = "invalid_input"
    http_status = 422


class UnreadableAddress(TuskerError):
    """An address that no page or operation can be asked with."""

    code = "bad_request"


class UnreadableFile(InvalidInput):
    """A file that cannot be taken as a whole; its `field` is `file`."""

    code = "unreadable_file"

    def __init__(self, message: str, /, **details: object) -> None:
        super().__init__(message, field="file", **details)


class UnknownHeads(UnreadableFile):
    """A table whose heads are not known; a person may say what its columns are."""

    code = "unknown_heads"


class ClosedDay(InvalidInput):
    """A day on which the bank does not work; it can be taken all the same by saying so."""

    code = "closed_day"


class NotFound(TuskerError):
    """The thing does not exist, or the asker may not know that it does."""

    code = "not_found"
    http_status = 404


def existing(found: Found | None, what: str) -> Found:
    """What was found; raises `NotFound` naming `what` it would be where that is nothing."""
    if found is None:
        raise NotFound("This {what} does not exist.", what=what)
    return found


class NotAllowed(TuskerError):
    """The asker is known but may not do this."""

    code = "not_allowed"
    http_status = 403


class TooManyTries(TuskerError):
    """Somebody has to wait before the next try; `details` say how many `seconds`."""

    code = "too_many_tries"
    http_status = 429


class Conflict(TuskerError):
    """The thing is no longer in the state in which this could be done."""

    code = "conflict"
    http_status = 409


class Changed(Conflict):
    """What a person decides on is not what they were shown; `changes` says how it differs, in words."""

    code = "changed"

    def __init__(self, changes: list[str]) -> None:
        rest = [say("and {n} more", n=len(changes) - 5)] if len(changes) > 5 else []
        listed = joined([*changes[:5], *rest], "; ")
        super().__init__(
            say("This has changed since you looked at it. {changes}.", changes=listed), changes=changes
        )


class Unsaved(Conflict):
    """Other boxes were ticked than those that are saved."""

    code = "unsaved"


class OnHold(Conflict):
    """Money may not leave for invoices that are on hold; `details` has their numbers."""

    code = "on_hold"


class IllegalTransition(Conflict):
    """An event that the lifecycle does not know for this status."""

    code = "illegal_transition"


class Duplicate(Conflict):
    """Something with this name, number or reference exists already."""

    code = "duplicate"


class FinancingRefused(TuskerError):
    """A request for financing that no limit was asked about: unknown order, no credit line, cancelled order."""

    code = "financing_refused"
    http_status = 422


class TermsChanged(Conflict):
    """The credit line's terms changed between the quote and the request; a new quote is needed."""

    code = "terms_changed"
