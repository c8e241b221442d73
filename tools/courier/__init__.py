"""The courier simulator: a delivery company of one's own, for the demo and the tests.

A real HTTP server that speaks the tusker order API and moves its orders along with time. It shares no code
with the application, which reaches it like any other delivery company, by address and token.
"""
