"""Bands that images have, but that the recipe leaves out: transparency, or a fourth band that is worth training on."""

from collections.abc import Sequence

from rarepix.data.images import unused_bands
from rarepix.data.inventory.threads import in_threads
from rarepix.data.source import DataError, Item

WITHOUT_ALPHA = (".jpg", ".jpeg", ".bmp")
"""Suffixes of formats that have no such band: their files are not opened."""


def describe_unused_bands(items: Sequence[Item], *, looked_at: int | None = None) -> str:
    """Return a sentence about images whose last band is called alpha, left out, and not constant; '' if there are none.

    *looked_at* is how many images are decoded, at most, of those whose format can have such a band; None: all.
    """
    candidates = [item for item in items if item.image.suffix.lower() not in WITHOUT_ALPHA][:looked_at]
    values = dict(zip((item.image for item in candidates), in_threads(_values, candidates), strict=True))
    found = {path: pair for path, pair in values.items() if pair}
    if not found:
        return ""
    path, (low, high) = next(iter(found.items()))
    images = f"{len(found)} of {len(candidates)} images" + (" (of those looked at)" if looked_at else "")
    channels = items[0].bands.channels
    return (
        f"a band called alpha is left out (data.channels is {channels}), but has values of its own in {images}, such "
        f"as {path}, where they go from {low:g} to {high:g}: if it is no transparency but a band such as near "
        f"infrared, train on it with data.channels={channels + 1}"
    )


def _values(item: Item) -> tuple[float, float] | None:
    try:
        return unused_bands(item.image, item.bands)
    except (DataError, OSError):
        return None  # counting reports what cannot be read
