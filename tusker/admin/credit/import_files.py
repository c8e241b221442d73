"""Uploaded files between the two steps of an import, and the results: kept in Redis for an hour.

Nothing of a file goes into the session's cookie or a hidden field. A file that Redis lost must be uploaded again.
"""

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
    if not (_keep(user_id, token, "name", name.encode()) and _keep(user_id, token, "data", data)):
        raise Conflict("The file cannot be kept at the moment; try again in a minute.", field="file")
    return token


def find_upload(user_id: int, token: str) -> Upload:
    """A file that this user uploaded within the hour; raises `NotFound`."""
    name, data = (_read(user_id, token, part) for part in ("name", "data"))
    if name is None or data is None:
        raise NotFound("This file is no longer here. Upload it again.")
    return Upload(token, name.decode(), data)


def keep_result(user_id: int, token: str, result: dict[str, Any]) -> bool:
    """Keep the result of an import; False when Redis cannot keep it."""
    return _keep(user_id, token, "result", json.dumps(result).encode())


def find_result(user_id: int, token: str) -> dict[str, Any]:
    """The result of this user's last import of the file; raises `NotFound`."""
    found = _read(user_id, token, "result")
    if found is None:
        raise NotFound(
            "This result is no longer here. Importing the file again shows it and changes nothing."
        )
    result: dict[str, Any] = json.loads(found)
    return result


def _keep(user_id: int, token: str, part: str, content: bytes) -> bool:
    try:
        redis_connection().set(_key(user_id, token, part), zlib.compress(content), ex=KEPT_SECONDS)
    except RedisError:
        return False
    return True


def _read(user_id: int, token: str, part: str) -> bytes | None:
    if not _TOKEN.fullmatch(token):
        return None
    try:
        found = redis_connection().get(_key(user_id, token, part))
    except RedisError:
        return None
    return zlib.decompress(found) if isinstance(found, bytes) else None


def _key(user_id: int, token: str, part: str) -> str:
    return f"tusker:upload:{user_id}:{token}:{part}"
