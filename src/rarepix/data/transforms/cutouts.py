"""Class regions that are kept after they were cut out, since the donors of scarce classes come again and again."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

from rarepix.data.transforms.copypaste import Cutout

KEPT_BYTES = 128 * 2**20
"""Of image and region, in each loader process; some thousand regions of a hundred rows and columns."""


class Cutouts:
    """The regions that were asked for last, as many as fit into *limit* bytes.

    A donor image is then decoded once, not for each paste. What is returned is shared: it must not be changed.
    """

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        self.limit, self.bytes = limit, 0
        self._kept: OrderedDict[Hashable, Cutout | None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, make: Callable[[], Cutout | None]) -> Cutout | None:
        """Return what is kept under *key*, or else what *make* returns, and keep it."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        cutout = self._kept[key] = make()
        self.bytes += _size(cutout)
        while self.bytes > self.limit:
            self.bytes -= _size(self._kept.popitem(last=False)[1])
        return cutout


def _size(cutout: Cutout | None) -> int:
    return cutout.patch.nbytes + cutout.region.nbytes if cutout else 0
