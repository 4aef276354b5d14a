"""The command ``rarepix`` in the process of a test."""

import sys

import pytest

from rarepix import cli


def run(*words) -> int:
    """Return the exit code of ``rarepix`` with these arguments; what it prints goes to the test's own output."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["rarepix", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    return ended.value.code or 0
