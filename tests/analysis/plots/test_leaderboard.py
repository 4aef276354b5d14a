import numpy as np
import pytest

from analysis.plots.leaderboard import draw_answer
from analysis.study.leaderboard import leaderboard


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def scored(tables, low: float, high: float):
    """The study with mIoU of its complete trials between *low* and *high*, validation and test."""
    trials = tables.trials.copy()
    values = np.linspace(high, low, len(trials))
    return tables._replace(trials=trials.assign(objective=values, val_miou=values, test_miou=values))


@pytest.fixture
def baseline(tables) -> float:
    """What always predicting the most frequent class gets: C classes of which one has the share s of the pixels."""
    rows = tables.classes[(tables.classes["trial"] == leaderboard(tables)["trial"].iloc[0])]
    pixels = (rows["tp"] + rows["fn"])[rows["split"] == "val"]
    return float(pixels.max() / pixels.sum() / (pixels > 0).sum())


def test_a_baseline_far_away_is_in_the_legend_and_leaves_the_trials_their_width(tables, baseline):
    figure = draw_answer(scored(tables, baseline + 0.4, baseline + 0.41))
    low, high = figure.axes[0].get_xlim()
    assert low > baseline + 0.39
    assert high < baseline + 0.42
    (said,) = [text for text in texts(figure) if "always predicting" in text]
    assert said.endswith(f"{baseline:.3f}, to the left of this picture")


def test_a_baseline_nearby_is_a_line(tables, baseline):
    figure = draw_answer(scored(tables, baseline + 0.05, baseline + 0.4))
    low, _ = figure.axes[0].get_xlim()
    assert low < baseline
    (said,) = [text for text in texts(figure) if "always predicting" in text]
    assert "picture" not in said


def test_without_counts_there_is_no_baseline(tables):
    counts = dict.fromkeys(["tp", "fp", "fn", "tn"], np.nan)
    figure = draw_answer(tables._replace(classes=tables.classes.assign(**counts)))
    assert not [text for text in texts(figure) if "always predicting" in text]
