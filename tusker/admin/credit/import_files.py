"""Uploaded files between the two steps of an import, and the results: kept in Redis for an hour.

Nothing of a file goes into the session's cookie or a hidden field. A file that Redis lost must be uploaded again.
"""

from __future__ import annotations

import json
import re
import secrets
import zlib
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from tusker.errors import Conflict, NotFound
from tusker.redis.queues import redis_connection

KEPT_SECONDS = 3600
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody uploaded; only that person can open it again."""

    token: str
    name: str
    data: bytes


def keep_upload(user_id: int, name: str, data: bytes) -> str:
    """Keep a file and return its token; raises `Conflict` when Redis cannot keep it."""
    token = secrets.token_urlsafe(16)
    try:
        with redis_connection().pipeline() as pipe:
            pipe.set(_key(user_id, token, "name"), name, ex=KEPT_SECONDS)
            pipe.set(_key(user_id, token, "data"), zlib.compress(data), ex=KEPT_SECONDS)
            pipe.execute()
    except RedisError as error:
        raise Conflict(
            "The file cannot be kept at the moment; try again in a minute.", field="file"
        ) from error
    return token


def find_upload(user_id: int, token: str) -> Upload:
    """A file that this user uploaded within the hour; raises `NotFound`."""
    name, data = (_read(user_id, token, part) for part in ("name", "data"))
    if name is None or data is None:
        raise NotFound("This file is no longer here. Upload it again.")
    return Upload(token, name.decode(), zlib.decompress(data))


def keep_result(user_id: int, token: str, result: dict[str, Any]) -> bool:
    """Keep the result of an import; False when Redis cannot keep it."""
    try:
        redis_connection().set(
            _key(user_id, token, "result"), zlib.compress(json.dumps(result).encode()), ex=KEPT_SECONDS
        )
    except RedisError:
        return False
    return True


def find_result(user_id: int, token: str) -> dict[str, Any]:
    """The result of this user's last import of the file; raises `NotFound`."""
    found = _read(user_id, token, "result")
    if found is None:
        raise NotFound(
            "This result is no longer here. Importing the file again shows it and changes nothing."
        )
    result: dict[str, Any] = json.loads(zlib.decompress(found))
    return result


def _read(user_id: int, token: str, part: str) -> bytes | None:
    if not _TOKEN.fullmatch(token):
        return None
    try:
        found = redis_connection().get(_key(user_id, token, part))
    except RedisError:
        return None
    return found if isinstance(found, bytes) else None


def _key(user_id: int, token: str, part: str) -> str:
    return f"tusker:import:{user_id}:{token}:{part}"
