"""The size of a contact sheet."""

import numpy as np

from rarepix.labels import LabelSpace
from rarepix.viz.contact_sheet import LINE_HEIGHT, Tile, contact_sheet


def test_a_long_legend_and_headings_make_the_sheet_taller():
    labels, tile = LabelSpace(names=("sky", "car")), Tile(np.zeros((40, 40, 3), np.uint8))
    plain = contact_sheet([[tile]], labels, side=240)
    longer = contact_sheet([[tile]], labels, side=240, more=[("not shown: a class with a very long name", None)])
    headed = contact_sheet([[tile]], labels, side=240, headings=["image"])
    assert longer.height > plain.height
    assert headed.height == plain.height + LINE_HEIGHT
