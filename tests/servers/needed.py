"""What tests need and a machine may lack."""

import os
from typing import NoReturn

import pytest


def lacking(why: str) -> NoReturn:
    """Skip the test for want of something; in CI, fail it: there, everything has to be proven."""
    if os.environ.get("CI"):
        pytest.fail(f"{why} (this is CI: nothing may be left out)")
    pytest.skip(why)
