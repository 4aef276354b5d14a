"""From a configuration to the objects that a trial works with."""

from rarepix.wiring.data import Data, build_data, counted_pixels, evaluation_loader
from rarepix.wiring.network import build_module, try_step

__all__ = ["Data", "build_data", "build_module", "counted_pixels", "evaluation_loader", "try_step"]
