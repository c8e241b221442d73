-- What the role of web, worker and scheduler may do: everything with rows, nothing with tables, and no change of
-- ledgers. `flask grant-app-role` fills in the quoted names and runs this as the owner of the tables; running it again
-- does no harm.
GRANT USAGE ON SCHEMA {schema} TO {role};
REVOKE CREATE ON SCHEMA {schema} FROM {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role};

-- What later migrations of this owner make.
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT ON SEQUENCES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT EXECUTE ON FUNCTIONS TO {role};

-- Ledgers: rows are added and read, and a few columns of some change. PUBLIC too, because a role has what everybody has.
{ledgers}
-- The access log is added to, and its oldest rows are deleted.
REVOKE UPDATE, TRUNCATE ON access_log FROM {role}, PUBLIC;
-- And the schema's version is the owner's.
REVOKE ALL ON alembic_version FROM {role}, PUBLIC;
GRANT SELECT ON alembic_version TO {role};
