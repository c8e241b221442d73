"""Keys and secrets of an installation: one key a purpose, and what production does not start with."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from ipaddress import ip_address
from itertools import pairwise
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import URLSafeTimedSerializer

SECRETS = (
    "SECRET_KEY",
    "CARRIER_KEYS_SECRET",
    "TUSKER_CARRIER_TOKEN",
    "TUSKER_CARRIER_WEBHOOK_SECRET",
    "EASYPOST_API_KEY",
    "EASYPOST_WEBHOOK_SECRET",
    "SHIPPO_API_KEY",
    "SHIPPO_WEBHOOK_SECRET",
    "AFTERSHIP_API_KEY",
    "AFTERSHIP_WEBHOOK_SECRET",
    "SMTP_PASSWORD",
)
"""The variables that hold a secret of their own; no two may be the same."""
DATABASES = ("DATABASE_URL", "DATABASE_REPLICA_URL")
SHORTEST = 32
"""Characters of a key of ours: 32 hexadecimal digits are 128 bits."""
EXAMPLES = {"192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf"}
"""Keys that Flask's documentation shows."""
WORDS_OF_KEYS = ("secret", "password", "change", "example", "qwerty", "tusker")
"""What people write for a key that they mean to replace; no random one has them."""
SIMULATOR_TOKENS = {"local-courier", "docker-courier", "courier"}
COMMON_PASSWORDS = {"postgres", "tusker", "tusker_app", "password", "secret", "admin", "changeme", "test"}


def derive(key: str, purpose: str) -> bytes:
    """A key of 32 bytes that is used for one purpose only (HKDF, RFC 5869): no two purposes ever share one."""
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"tusker: {purpose}".encode())
    return hkdf.derive(key.encode())


def serializer(keys: Sequence[str], purpose: str) -> URLSafeTimedSerializer:
    """Signs texts for one purpose with the first of the keys, and reads what any of them signed."""
    derived = [derive(key, purpose) for key in reversed(keys)]
    return URLSafeTimedSerializer(derived, salt=purpose, signer_kwargs={"digest_method": sha256})


def weaknesses(env: Mapping[str, str]) -> list[str]:
    """Why production does not start with these variables, each with the name of the variable."""
    # The first is in use; those after it only open what they sealed before, and that a weak one has to do, too.
    sealing = env.get("CARRIER_KEYS_SECRET", "").partition(",")[0].strip()
    found = [
        f"{name} is too weak: it must have at least {SHORTEST} characters, at random; one that sealed keys of delivery"
        " companies goes to the end of CARRIER_KEYS_SECRET, behind a new one"
        for name, keys in (
            ("SECRET_KEY", env.get("SECRET_KEY", "")),
            ("SECRET_KEY_FALLBACKS", env.get("SECRET_KEY_FALLBACKS", "")),
            ("CARRIER_KEYS_SECRET", sealing),
        )
        for key in keys.split(",")
        if key and _is_weak(key.strip())
    ]
    seen: dict[str, str] = {}
    for name in SECRETS:
        value = sealing if name == "CARRIER_KEYS_SECRET" else env.get(name)
        if value:
            if value in seen:
                found.append(f"{name} is the same as {seen[value]}: each needs a secret of its own")
            seen.setdefault(value, name)
    base_url = urlsplit(env.get("BASE_URL", ""))
    if base_url.scheme != "https" or not base_url.hostname:
        found.append(
            "BASE_URL must begin with https:// and a host: passwords and cookies travel over TLS only"
        )
    for name in DATABASES:
        database = urlsplit(env.get(name, ""))
        given = {
            unquote(database.password or ""),
            *dict(parse_qsl(database.query)).get("password", "").split(),
        }
        if {password.lower() for password in given} & {*COMMON_PASSWORDS, (database.username or "-").lower()}:
            found.append(f"{name} has a default password")
    found += _in_clear(env)
    if env.get("TUSKER_CARRIER_TOKEN") in SIMULATOR_TOKENS:
        found.append("TUSKER_CARRIER_TOKEN is the courier simulator's")
    return found


def _is_weak(key: str) -> bool:
    """Too short, a few characters or steps from one to the next again and again, or one that everybody knows."""
    steps = {ord(after) - ord(before) for before, after in pairwise(key)}
    return (
        len(key) < SHORTEST
        or len(set(key)) < 10
        or len(steps) < 12
        or key.lower() in EXAMPLES
        or any(word in key.lower() for word in WORDS_OF_KEYS)
    )


def _in_clear(env: Mapping[str, str]) -> list[str]:
    """The services on other machines to which the way is not encrypted, or ends at anybody."""
    found = []
    for name in DATABASES:
        database = urlsplit(env.get(name, ""))
        how = dict(parse_qsl(database.query))
        if _elsewhere(how.get("host") or database.hostname) and how.get("sslmode") != "verify-full":
            found.append(f"{name} leaves this machine without TLS: add sslmode=verify-full")
    redis = urlsplit(env.get("REDIS_URL", ""))
    how_redis = dict(parse_qsl(redis.query))
    hosts = [urlsplit(f"//{each}").hostname for each in redis.netloc.rpartition("@")[2].split(",")]
    if any(_elsewhere(host) for host in hosts) and (
        redis.scheme.partition("+")[0] != "rediss" or how_redis.get("ssl_cert_reqs", "required") != "required"
    ):
        found.append("REDIS_URL leaves this machine without TLS: it must begin with rediss://")
    if _elsewhere(env.get("SMTP_HOST")) and env.get("SMTP_STARTTLS", "").lower() in {"0", "false", "no"}:
        found.append("SMTP_STARTTLS is off, and mails leave this machine")
    return found


def _elsewhere(host: str | None) -> bool:
    """Whether a host is another machine: neither a socket's folder nor this one, nor a name without a dot, which is a
    container of the same network."""
    if not host or host.startswith("/"):
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return "." in host
