"""Requests for financing: their subject, the quote, and admission or refusal."""
