"""The schema is what the newest files say, and each revision can be taken back."""

from __future__ import annotations

import re
from pathlib import Path

from alembic.script import ScriptDirectory

from tests.support.schema import Schema
from tusker.extensions import migrate

FUNCTIONS = Path(__file__).parents[2] / "migrations" / "sql" / "functions"

_BODIES = """
    SELECT p.proname, pg_get_functiondef(p.oid)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public' AND p.prokind = 'f'
    AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = p.oid AND deptype IN ('i', 'e'))
"""
"""Every function of ours; not those that come with a range type or an extension."""

_CATALOGUE = f"""
    WITH ours AS (SELECT oid, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r')
    SELECT 'column', relname, attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull
        || attidentity::text || COALESCE(pg_get_expr(adbin, adrelid), '')
    FROM ours JOIN pg_attribute a ON attrelid = ours.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = ours.oid AND adnum = attnum
    UNION SELECT 'constraint', relname, conname || ' ' || pg_get_constraintdef(c.oid)
    FROM ours JOIN pg_constraint c ON conrelid = ours.oid
    UNION SELECT 'index', tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION SELECT 'trigger', relname, pg_get_triggerdef(t.oid) FROM ours JOIN pg_trigger t ON tgrelid = ours.oid
    WHERE NOT tgisinternal
    UNION SELECT 'type', '', typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace
    UNION SELECT 'function', proname, def FROM ({_BODIES}) AS f (proname, def)
"""


def newest_files() -> dict[str, str]:
    """The text of each function's file with the highest version."""
    found: dict[str, tuple[int, str]] = {}
    for path in FUNCTIONS.iterdir():
        name, version = re.fullmatch(r"(\w+)_v(\d+)\.sql", path.name).groups()  # type: ignore[union-attr]
        found[name] = max(found.get(name, (0, "")), (int(version), path.read_text()))
    return {name: sql for name, (_, sql) in found.items()}


def test_each_function_is_what_its_newest_file_says(schema: Schema) -> None:
    schema.upgrade()
    files, before = newest_files(), dict(schema.rows(_BODIES))
    assert files.keys() == before.keys()
    schema.run(*files.values())
    assert dict(schema.rows(_BODIES)) == before


def test_each_revision_can_be_taken_back(schema: Schema) -> None:
    with schema.app.app_context():
        script = ScriptDirectory(migrate.directory)
    revisions = [revision.revision for revision in script.walk_revisions()][::-1]
    seen = []
    for revision in revisions:
        schema.upgrade(revision)
        seen.append(schema.rows(_CATALOGUE))
    for revision, before in list(zip(revisions, seen, strict=True))[-2::-1]:
        schema.downgrade(revision)
        assert sorted(schema.rows(_CATALOGUE)) == sorted(before), revision
