"""Many of each on one machine, for tests and demos: three web servers behind HAProxy, four workers, PgBouncer,
PostgreSQL with a streaming replica, Valkey with a replica. Nothing of the application imports this package."""
