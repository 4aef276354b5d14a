"""What is kept of the regions that were cut out."""

import numpy as np

from rarepix.data.transforms.copypaste import Cutout
from rarepix.data.transforms.cutouts import Cutouts


def cutout(side: int) -> Cutout:
    """A region of side × side pixels, four bytes each."""
    return Cutout(np.zeros((side, side, 3), np.uint8), np.ones((side, side), bool), (0.5, 0.5))


def test_made_once():
    kept, made = Cutouts(), []

    def make():
        made.append(cutout(4))
        return made[-1]

    assert kept.get("a", make) is kept.get("a", make) is made[0]
    assert kept.get("b", make) is made[1]
    assert len(made) == len(kept) == 2
    assert kept.bytes == 2 * 64


def test_that_there_is_nothing_is_kept_too():
    kept = Cutouts()
    assert kept.get("a", lambda: None) is None
    assert kept.get("a", lambda: cutout(4)) is None
    assert kept.bytes == 0


def test_what_was_not_asked_for_the_longest_goes_first():
    kept = Cutouts(limit=3 * 64)
    for key in "abc":
        kept.get(key, lambda: cutout(4))
    kept.get("a", lambda: None)
    kept.get("d", lambda: cutout(4))
    assert (len(kept), kept.bytes) == (3, 192)
    again = []
    for key in "acd":
        kept.get(key, lambda key=key: again.append(key))
    assert again == []
    kept.get("b", lambda: again.append("b"))
    assert again == ["b"]


def test_what_is_larger_than_the_limit_is_given_and_not_kept():
    kept = Cutouts(limit=100)
    assert kept.get("a", lambda: cutout(50)).region.shape == (50, 50)
    assert (len(kept), kept.bytes) == (0, 0)
