"""The operations of `/api/v1`: one declaration each, from which both the URL rule and the OpenAPI text are made."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from functools import wraps
from typing import Any, TypeVar

from flask import Blueprint, Response, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException, UnsupportedMediaType

from tusker.api.auth import authenticate, sent_token
from tusker.api.inputs import Input, sane_key
from tusker.api.problems import ApiError, refuse_invalid
from tusker.api.schemas import FieldError
from tusker.errors import NotAllowed, TuskerError
from tusker.queries.api import KnownAsk
from tusker.services.delivery.document_files import largest
from tusker.web.access import by_token

PREFIX = "/api/v1"
LARGEST_BODY = 64 * 1024
READ_EARLY = 4 * 1024
"""A body of so many bytes is read before it is known whose the token is, so that both are looked up together."""

bp = Blueprint("api", __name__, url_prefix=PREFIX)

Model = TypeVar("Model", bound=BaseModel)
View = Callable[..., "Reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a view: a model, JSON that is written already, or a file as a whole answer."""

    body: BaseModel | str | Response
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Operation:
    """Declares a view as an operation; its docstring becomes summary (first line) and description.

    The view gets `caller`, `body` and `query` as declared, `key` (the Idempotency-Key or None) when `keyed`, and the
    path's own arguments. What `keyed` makes of body and key is looked up together with the token. `answers` says in
    words what each success status means; all of them carry `answer`. A body may have `largest_body` bytes. Where it
    `takes_file` the body is the file, as large as is configured; without an `answer` it answers with a file of one of
    the `file_types`.
    """

    method: str
    rule: str
    _: KW_ONLY
    tag: str
    answer: type[BaseModel] | None = None
    answers: Mapping[int, str]
    problems: tuple[str, ...] = ()
    body: type[Input] | None = None
    query: type[Input] | None = None
    keyed: Callable[[Any, str | None], KnownAsk] | None = None
    largest_body: int = LARGEST_BODY
    takes_file: bool = False
    file_types: tuple[str, ...] = ()
    name: str = field(init=False)
    summary: str = field(init=False)
    description: str = field(init=False)

    def __call__(self, view: View) -> View:
        summary, _, description = (view.__doc__ or "").strip().partition("\n")
        self.name, self.summary = view.__name__, summary.rstrip(".")
        self.description = "\n".join(line.strip() for line in description.strip().splitlines())
        OPERATIONS.append(self)
        bp.add_url_rule(self.rule, self.name, _endpoint(self, view), methods=[self.method])
        return view


OPERATIONS: list[Operation] = []


def _endpoint(declared: Operation, view: View) -> Callable[..., Response]:
    @by_token
    @wraps(view)
    def endpoint(**arguments: Any) -> Response:
        request.max_content_length = largest() if declared.takes_file else declared.largest_body
        asked = None
        small = sent_token() and (request.content_length or LARGEST_BODY) <= READ_EARLY
        if small and declared.keyed is not None and declared.body is not None:
            # what is wrong with it is told to whom the token is
            with suppress(ApiError, TuskerError, HTTPException):
                asked = declared.keyed(_read_body(declared.body), _read_key())
        arguments["caller"] = caller = authenticate(asked)
        if declared.method != "GET" and not caller.may_write:
            raise NotAllowed("This token may only read.")
        if declared.keyed is not None:
            arguments["key"] = _read_key()
        if declared.query is not None:
            arguments["query"] = _read_query(declared.query)
        if declared.body is not None:
            arguments["body"] = _read_body(declared.body)
        return _respond(view(**arguments))

    return endpoint


def _respond(reply: Reply) -> Response:
    if isinstance(reply.body, Response):
        return reply.body
    written = reply.body if isinstance(reply.body, str) else reply.body.model_dump_json()
    answer = Response(written, status=reply.status, mimetype="application/json")
    answer.headers.update(reply.headers)
    return answer


def _read_body(model: type[Model]) -> Model:
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        raise refuse_invalid(error, where="body") from error


def _read_query(model: type[Model]) -> Model:
    given = request.args.to_dict(flat=False)
    for name, values in given.items():
        if len(values) > 1:
            message = f"{name[:80]} must be given once."
            raise ApiError("invalid_input", message, [FieldError(field=name[:80], message=message)])
    try:
        return model.model_validate({name: values[0] for name, values in given.items()})
    except ValidationError as error:
        raise refuse_invalid(error, where="query") from error


def _read_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    try:
        return sane_key(key)
    except ValueError as error:
        message = f"Idempotency-Key {error}"
        raise ApiError(
            "invalid_input", message, [FieldError(field="Idempotency-Key", message=message)]
        ) from error
