"""How the pixels of an image become what a network sees: the keys ``data.channels`` and ``data.range``."""

from typing import Annotated

from pydantic import AfterValidator, Field

from rarepix.settings import Settings


def _low_below_high(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] >= pair[1]:
        raise ValueError(f"must be a range [low, high] with low below high, but got {list(pair)}")
    return pair


ValueRange = Annotated[tuple[float, float], AfterValidator(_low_below_high)]
"""The values, low and high, that become 0 and 1."""


class Bands(Settings):
    """How images are read; the default is three bands of 8 bits."""

    channels: int = Field(3, ge=1, le=16)
    """Bands of an image as the network gets it."""
    range: ValueRange | None = None
    """The values that become 0 and 1; None: 8 bits, 0 to 255, as they are."""

    @property
    def is_rgb(self) -> bool:
        """Whether images are read as three bands of 8 bits, so that the normalisation is that of ImageNet."""
        return self == RGB

    @property
    def full_scale(self) -> float:
        """The largest value of an image: 255, or 1 where a range is stated."""
        return 255 if self.range is None else 1

    @property
    def bytes_per_pixel(self) -> int:
        """Bytes of a pixel in memory: of every band one, or four (float32) where a range is stated."""
        return self.channels * (1 if self.range is None else 4)


RGB = Bands()
