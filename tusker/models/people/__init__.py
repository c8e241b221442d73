"""Users, their sessions, tokens and second factors."""
