"""Whether a study confirms another one: its winners and its default configuration on blocks that it never saw.

``rarepix study confirm`` starts such a study. Nothing was chosen by its test scores, so they are compared, too.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from analysis.reading.parameters import configuration

LEDGER = Path("search", "ledger.jsonl")


class Confirmation(NamedTuple):
    """What a study confirms."""

    study: str
    """The search whose winners run again."""
    default: dict[str, Any]
    """Flat parameters of the default configuration."""


def read_confirmation(study: Path) -> Confirmation | None:
    """Return what the study in folder *study* confirms, by the first line of its search's ledger; None if nothing.

    Raises:
        ValueError: the ledger does not begin as a search writes it.
    """
    try:
        with (study / LEDGER).open(encoding="utf-8") as lines:
            first = lines.readline()
    except FileNotFoundError:
        return None
    try:
        settings = json.loads(first)["settings"]
        confirmed, listed = settings.get("confirms"), settings.get("configurations")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{study / LEDGER} must begin with the settings of its search, but: {error!r}") from error
    return Confirmation(confirmed, configuration(listed[0])) if confirmed else None
