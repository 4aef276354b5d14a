"""Synthetic data: drawn landscapes with objects of known class, as datasets in Pascal VOC layout."""

from rarepix.data.synthetic.full_background import draw_full_background
from rarepix.data.synthetic.voc import draw_voc

__all__ = ["draw_full_background", "draw_voc"]
