import json

import numpy as np

from analysis.plots.interactive import slice_json
from analysis.plots.parallel_coordinates import NOT_SAMPLED
from analysis.plots.slices import draw_slices, slice_axes


def test_positions_belong_to_the_trials_in_order_of_start(tables):
    axes, rows = slice_axes(tables)
    assert {axis.name for axis in axes} == {"optim.lr", "sampling.kind", "loss.name", "loss.gamma", "augment.flip"}
    rate = next(axis for axis in axes if axis.name == "optim.lr")
    assert np.argsort(rate.positions).tolist() == np.argsort(rows["optim.lr"]).tolist()
    gamma = next(axis for axis in axes if axis.name == "loss.gamma")
    assert ((gamma.positions == NOT_SAMPLED) == rows["loss.gamma"].isna()).all()


def test_in_a_category_earlier_trials_stand_further_left(tables):
    axes, rows = slice_axes(tables)
    kind = next(axis for axis in axes if axis.name == "sampling.kind")
    for _, held in rows.groupby("sampling.kind"):
        assert (np.diff(kind.positions[held.index]) > 0).all()


def test_nothing_varies(tables):
    assert draw_slices(tables._replace(parameters=())) is None
    assert draw_slices(tables._replace(trials=tables.trials.iloc[:1])) is None


def test_it_is_said_what_colour_and_place_mean(tables):
    said = draw_slices(tables).get_suptitle().replace("\n", " ")
    assert "the later it started the darker" in said
    assert "within a category dots stand in the same order" in said
    assert "bar: median" in said
    assert json.loads(slice_json(tables))["layout"]["title"]["text"].replace("<br>", " ") in said
    numeric = tables._replace(parameters=("optim.lr",))
    assert "category" not in draw_slices(numeric).get_suptitle()
