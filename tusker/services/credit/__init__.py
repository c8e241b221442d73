"""Use cases of admission: companies, credit lines, offers, requests, imports."""
