"""Programs of other people that tests need: a visible skip on a developer's own machine, a failure in CI."""

import os
import shutil

import pytest


def need_binary(binary: str, package: str) -> str:
    """The path of ``binary``, which Debian's ``package`` brings."""
    found = shutil.which(binary)
    if found is None:
        message = f"{binary} is not on PATH (Debian: apt-get install {package})"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found
