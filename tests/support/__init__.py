"""Helpers of the tests, by subject. Their asserts say what they compare, as those of tests do."""

import pkgutil

import pytest

pytest.register_assert_rewrite(*(module.name for module in pkgutil.iter_modules(__path__, "tests.support.")))
