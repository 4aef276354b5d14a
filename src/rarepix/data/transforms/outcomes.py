"""What became of a paste; the record counts each by its name."""

from enum import IntEnum


class PasteOutcome(IntEnum):
    """What became of one training image when something was to be pasted into it."""

    NOT_DRAWN = 0
    """Left alone by the probability."""
    PASTED = 1
    """Something of a donor image is in it."""
    NO_BACKGROUND = 2
    """Left alone: no pixel on which something may be placed (all of it objects, ignored or protected)."""
    NO_ROOM = 3
    """Left alone: at no place that was tried would half of the region have been seen."""
    EMPTY_DONOR = 4
    """Left alone: nothing labelled in the donor's window, or the region vanished when it was made smaller."""
