"""Fixtures of the tests of money after the payout."""

from tests.servicing.pages import business_day as business_day
