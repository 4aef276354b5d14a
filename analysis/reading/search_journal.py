"""What the first line of a search's journal says: its default configuration, and which study it confirms, if any.

A confirmation (``rarepix study confirm``) runs the winners and the default configuration of another study on new
blocks. Nothing was chosen by its test scores, so they are compared, too.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from analysis.reading.parameters import configuration
from rarepix.layout import JOURNAL


class Confirmation(NamedTuple):
    """What a study confirms."""

    study: str
    """The search whose winners run again."""
    default: dict[str, Any]
    """Flat parameters of the default configuration."""


def read_journal(study: Path) -> tuple[Confirmation | None, dict[str, Any] | None]:
    """Return what the study in folder *study* confirms, and the flat parameters of its default configuration.

    Both are None where its search's journal does not name them, or is not there.

    Raises:
        ValueError: the journal does not begin as a search writes it.
    """
    first = _beginning(study)
    if first is None:
        return None, None
    try:
        settings = first["settings"]
        confirmed, listed = settings.get("confirms"), settings.get("configurations")
        if confirmed:
            default = configuration(listed[0])
            return Confirmation(confirmed, default), default
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise _unlike_a_search(study, error) from error
    default = first.get("default")
    if not isinstance(default, dict | None):
        raise _unlike_a_search(study, f"its default configuration is {default!r}")
    return None, None if default is None else configuration(default)


def _beginning(study: Path) -> dict[str, Any] | None:
    try:
        with (study / JOURNAL).open(encoding="utf-8") as lines:
            first = json.loads(lines.readline())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _unlike_a_search(study, error) from error
    if not isinstance(first, dict):
        raise _unlike_a_search(study, f"its first line is {first!r}")
    return first


def _unlike_a_search(study: Path, problem: object) -> ValueError:
    return ValueError(f"{study / JOURNAL} must begin with the settings of its search, but: {problem!r}")
