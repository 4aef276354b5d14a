"""When a study was looked at and then extended, as its journal tells.

A look is a report with a tested comparison that was written before an extension; the extension's event names the trials
that were complete. Extending a study that nobody has looked at is no look.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from rarepix.layout import JOURNAL


class StudyLook(NamedTuple):
    """A look at a study; the last one is the present."""

    blocks: int
    """Planned at that time."""
    at_most: int | None
    """Blocks that the study declared it may grow to; None: it declared none."""
    trials: frozenset[str] | None
    """That were complete; None: all."""

    @property
    def time(self) -> float:
        """Return the planned blocks as a share of the most that were declared; 1 where none were."""
        return 1.0 if self.at_most is None else min(1.0, self.blocks / self.at_most)


def read_looks(study: Path) -> tuple[StudyLook, ...]:
    """Return the looks at the study in folder *study* that were followed by an extension, and the present one.

    None at all where there is nothing to spend a level over: no look before an extension, and no number declared that
    the blocks may grow to.

    Raises:
        ValueError: a line of the journal is no event as a search writes it.
    """
    try:
        lines = (study / JOURNAL).read_text(encoding="utf-8").split("\n")[:-1]  # what has no end is being written
    except FileNotFoundError:
        return ()
    looks, blocks, at_most = [], set(), None
    for number, line in enumerate(lines, 1):
        if number > 1 and '"extend"' not in line:
            continue
        try:
            event = json.loads(line)
            if number == 1:
                at_most = (event["settings"].get("blocks") or {}).get("at_most")
            elif event["event"] != "extend":
                continue
            elif event["looked"] > 0:
                looks.append(StudyLook(len(blocks), at_most, frozenset(event["complete"])))
            blocks |= _blocks(event)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{study / JOURNAL}:{number} must be an event of a search, but: {error!r}: looks before an extension "
                f"are not known, and p of comparisons are those of one look"
            ) from error
    present = StudyLook(len(blocks), at_most, None)
    return (*looks, present) if looks or present.time < 1 else ()


def _blocks(event: dict[str, Any]) -> set[tuple]:
    return {(block["seed"], block["fold"]) for block in event.get("blocks") or ()}
