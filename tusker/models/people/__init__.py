"""Users, their sessions, tokens and second factors, the access log, saved views."""
