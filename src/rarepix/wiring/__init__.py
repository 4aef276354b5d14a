"""From a configuration to the objects that a trial works with."""

from rarepix.wiring.data import Data, build_data, counted_pixels, evaluation_loader
from rarepix.wiring.network import NORMALISATION, build_module, explaining_small_batches, try_step

__all__ = [
    "NORMALISATION",
    "Data",
    "build_data",
    "build_module",
    "counted_pixels",
    "evaluation_loader",
    "explaining_small_batches",
    "try_step",
]
