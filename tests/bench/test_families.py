"""The curves that searches are compared on: reproducible, and with the properties that their names say."""

import numpy as np
import pytest

from bench.families import DEFAULT, EPOCHS, FAMILIES, crossing, late_bloomers, power_laws, recorded
from bench.record_curves import GRID, PUBLISHED, SETTINGS, grid
from rarepix.search.nni.space import problems

TINY = """# made by hand
optim.lr,loss.name,sampling.kind,1,2
0.001,ce,uniform,0.1,0.2
0.1,ce,uniform,0.3,0.6
0.001,dice,uniform,0.0,0.1
0.1,dice,uniform,0.0,0.3
"""


@pytest.mark.parametrize("name", FAMILIES)
def test_a_curve_is_a_function_of_instance_and_configuration(name):
    family = FAMILIES[name]()
    first, again = family.instance(3)(family.default), family.instance(3)(family.default)
    assert problems(family.space) == []
    assert first.shape == (family.epochs,)
    assert (first == again).all()
    assert np.isfinite(first).all()
    assert name == "recorded" or (first != family.instance(4)(family.default)).any()


def test_recorded_curves_are_interpolated_between_learning_rates(tmp_path):
    file = tmp_path / "curves.csv"
    file.write_text(TINY)
    family = recorded(file)
    curve = family.instance(0)
    configuration = {"loss": {"_name": "ce"}, "sampling.kind": "uniform"}
    assert curve(configuration | {"optim.lr": 0.1}) == pytest.approx([0.3, 0.6])
    assert curve(configuration | {"optim.lr": 0.01}) == pytest.approx([0.2, 0.4])  # half way on a logarithmic scale
    assert family.epochs == 2
    assert family.space["optim.lr"] == {"_type": "loguniform", "_value": [0.001, 0.1]}
    assert family.space["loss"]["_value"] == [{"_name": "ce"}, {"_name": "dice"}]


def test_the_shipped_file_has_the_whole_grid():
    lines = PUBLISHED.read_text().splitlines()
    header = [line for line in lines if line.startswith("#")]
    rows = [line.split(",") for line in lines[len(header) + 1 :]]
    assert any("python -m bench.record_curves" in line for line in header)
    assert lines[len(header)] == ",".join([*GRID, *map(str, range(1, SETTINGS["engine.epochs"] + 1))])
    assert [row[:3] for row in rows] == [[str(value) for value in point.values()] for point in grid()]
    assert all(0 <= float(value) <= 1 for row in rows for value in row[3:])
    assert PUBLISHED.stat().st_size < 40_000


def test_power_laws_end_near_their_top():
    better, worse = ({**DEFAULT, "augment.scale": 0.2, "optim.lr": lr} for lr in (0.01, 0.0001))
    ends = [
        np.mean([power_laws(number)(configuration)[-1] for number in range(30)]) for configuration in (better, worse)
    ]
    assert ends[0] > ends[1] + 0.05  # the optimum is drawn around 0.003
    assert ends[0] < 0.6


def test_crossing_curves_cross():
    """Against the best rates, a high one is ahead at first and behind in the end."""
    high, low = ({**DEFAULT, "optim.lr": lr} for lr in (0.03, 0.001))
    curves = [
        np.mean([crossing(number)(configuration) for number in range(30)], axis=0) for configuration in (high, low)
    ]
    assert curves[0][1] > curves[1][1] + 0.003
    assert curves[0][-1] < curves[1][-1] - 0.03


def test_late_bloomers_begin_with_a_plateau():
    curves = np.array([late_bloomers(0)({**DEFAULT, "augment.scale": scale}) for scale in np.linspace(0, 0.8, 40)])
    blooms = (curves > 0.2).argmax(axis=1)
    assert set(range(2, 8)) <= set(blooms)
    assert abs(np.corrcoef(blooms, curves[:, -1])[0, 1]) < 0.5
    assert curves.shape == (40, EPOCHS)
