import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from analysis.plots.validation_vs_test import chosen_points, draw_validation_test, rank_correlation

ROWS = pd.DataFrame(
    {
        "configuration": ["a", "b", "c", "d", "e"],
        "validation": [0.5, 0.7, 0.6, np.nan, 0.4],
        "test": [0.6, 0.3, 0.5, 0.9, 0.2],
        "trials": 5,
        "adjusted": [0.5, 0.7, 0.6, np.nan, 0.4],
    }
)


def test_what_validation_and_what_test_would_choose():
    points = chosen_points(ROWS)
    assert points["configuration"].tolist() == ["b", "c", "a", "e"]
    assert points["number"].tolist() == [1, 2, 3, 4]
    assert points.loc[points["best_validation"], "configuration"].tolist() == ["b"]
    assert points.loc[points["best_test"], "configuration"].tolist() == ["a"]


def test_the_rank_correlation_is_over_configurations_with_both():
    points = chosen_points(ROWS)
    both = ROWS.dropna()
    assert rank_correlation(points) == pytest.approx(spearmanr(both["validation"], both["test"])[0])
    assert np.isnan(rank_correlation(points.head(2)))
    assert np.isnan(rank_correlation(points.assign(test=0.5)))


def test_one_configuration_is_no_picture(tables):
    assert draw_validation_test(pd.DataFrame(), tables) is None
    assert draw_validation_test(ROWS.head(1), tables) is None
