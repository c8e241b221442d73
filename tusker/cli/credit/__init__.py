"""Commands about companies, credit lines, requests, imports and rules of risk."""
