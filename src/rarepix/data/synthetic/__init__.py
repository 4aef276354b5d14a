"""Synthetic data: drawn landscapes with objects of known class, as a dataset in Pascal VOC layout."""

from rarepix.data.synthetic.voc import draw_voc

__all__ = ["draw_voc"]
