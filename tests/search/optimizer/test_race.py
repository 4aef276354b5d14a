"""The race: values worked by hand and by statsmodels, edge cases, and simulated studies."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols

from bench.race import NOISES, error_rate, saved_share
from rarepix.search.optimizer.race import clearly_worse
from rarepix.seeding import generator

NAN = np.nan
STUDIES = 150
CLEAR = {"looks": 1, "alpha": 0.05}


def test_with_two_configurations_it_is_the_paired_t_test():
    """Differences 0.11, 0.09, 0.13, 0.11: mean 0.11, sd 0.01633, t = 0.11 / (0.01633 / 2) = 13.47, 3 degrees."""
    scores = np.array([[0.51, 0.39, 0.63, 0.41], [0.40, 0.30, 0.50, 0.30]])
    elimination = clearly_worse(scores, 1, **CLEAR)
    assert (elimination.leader, elimination.blocks, elimination.level) == (0, 4, 0.05)
    assert elimination.difference == pytest.approx(0.11)
    assert elimination.p == pytest.approx(stats.ttest_rel(*scores, alternative="greater").pvalue)
    assert elimination.p == pytest.approx(stats.t.sf(13.472, 3), rel=1e-3)


def test_residuals_are_those_of_the_two_way_model():
    """Six configurations, all of which count: the four of the better half, the leader among them, and the candidate."""
    scores = 0.01 * generator(3, "scores").standard_normal((6, 5)) + np.array([[0.5, 0.5, 0.5, 0.5, 0.3, 0.1]]).T
    elimination = clearly_worse(scores, 5, looks=3, alpha=0.05)
    means = scores.mean(axis=1)
    pooled = [*np.flatnonzero(means >= np.median(means)), 5]
    table = pd.DataFrame(
        [(row, block, scores[row, block]) for row in pooled for block in range(5)], columns=["row", "block", "score"]
    )
    fit = ols("score ~ C(row) + C(block)", table).fit()
    own = np.std(scores[elimination.leader] - scores[5], ddof=1) / np.sqrt(2)
    spread = max(np.sqrt(fit.mse_resid), own)
    assert fit.df_resid == 4 * 3
    assert elimination.p == pytest.approx(stats.t.sf(elimination.difference / (spread * np.sqrt(2 / 5)), 12), rel=1e-6)
    assert elimination.level == pytest.approx(0.05 / (3 * 5))
    assert elimination.leader == int(np.argmax(means))


def test_many_configurations_give_no_more_than_six_degrees_a_block():
    scores = 0.01 * generator(1, "many").standard_normal((40, 2)) + 0.5
    scores[0] -= 1  # so far behind that it is dropped at any degrees of freedom
    elimination = clearly_worse(scores, 0, looks=1)
    difference = scores[elimination.leader].mean() - scores[0].mean()
    by_hand = difference / np.sqrt(_spread_squared(scores, elimination.leader))
    assert elimination.p == pytest.approx(stats.t.sf(by_hand, 6), rel=1e-6)


def _spread_squared(scores: np.ndarray, leader: int) -> float:
    """Of two blocks: half the variance of the differences between them; here that of the pool or of the pair."""
    steps = scores[:, 1] - scores[:, 0]
    means = scores.mean(axis=1)
    pool = (means >= np.median(means)) | (np.arange(len(scores)) == 0)
    return max(np.var(steps[pool], ddof=1), np.var(steps[[leader, 0]], ddof=1)) / 2


def test_a_rival_that_was_dropped_before_still_has_its_share_of_alpha():
    scores = np.array([[0.51, 0.39, 0.63, 0.41], [0.40, 0.30, 0.50, 0.30], [0.1, NAN, NAN, NAN], [NAN] * 4])
    assert clearly_worse(scores, 1, looks=5).level == pytest.approx(0.05 / (5 * 2))


def test_only_the_candidates_blocks_and_rivals_that_have_them_all_are_compared():
    scores = np.array([[0.5, 0.61, 0.7, 0.1], [0.9, 0.99, NAN, 0.9], [0.1, 0.2, 0.3, NAN], [NAN, NAN, NAN, 0.9]])
    elimination = clearly_worse(scores, 2, **CLEAR)
    assert (elimination.leader, elimination.blocks) == (0, 3)
    assert elimination.difference == pytest.approx((0.4 + 0.41 + 0.4) / 3)


@pytest.mark.parametrize(
    ("scores", "candidate"),
    [
        ([[0.9, NAN], [0.1, NAN]], 1),  # one block shows no spread
        ([[0.9, NAN, 0.9], [0.1, 0.2, NAN]], 1),  # no other has these blocks
        ([[0.9, 0.8, 0.9]], 0),  # no other configuration
        ([[NAN, NAN], [0.1, 0.2]], 0),  # nothing finished
        ([[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]], 1),  # ties
        ([[0.9, 0.8, 0.9], [0.1, 0.2, 0.1]], 0),  # the leader itself
        ([[0.52, 0.40, 0.58], [0.50, 0.42, 0.55]], 1),  # within the noise
    ],
)
def test_nothing_is_dropped_without_evidence(scores, candidate):
    assert clearly_worse(np.array(scores), candidate, **CLEAR) is None


@pytest.mark.parametrize("blocks", [(0.1, 0.25), (0.1, 0.25, 0.7)])
def test_a_difference_that_is_the_same_in_every_block_is_clear(blocks):
    scores = np.array([blocks, blocks]) + np.array([[0.3], [0.1]])  # equal but for rounding
    elimination = clearly_worse(scores, 1, looks=6)
    assert (elimination.p, elimination.leader) == (0.0, 0)


def test_nothing_is_dropped_before_at_least_blocks():
    scores = np.array([[0.51, 0.61, NAN], [0.10, 0.20, NAN]])
    assert clearly_worse(scores, 1, looks=1, at_least=2)
    assert clearly_worse(scores, 1, looks=1, at_least=3) is None


def test_a_configuration_that_fails_in_some_blocks_does_not_hide_the_others():
    noise = 0.01 * generator(5, "broken").standard_normal((8, 3))
    scores = noise + np.array([[0.5, 0.5, 0.5, 0.5, 0.5, 0.4, 0.4, 0.3]]).T
    scores[7] = [0.05, 0.4, 0.02]
    assert clearly_worse(scores, 5, looks=4)
    assert clearly_worse(scores, 7, looks=4) is None  # its own pair varies too much


def test_the_reason_is_a_sentence():
    scores = np.array([[0.51, 0.39, 0.63, 0.41], [0.40, 0.30, 0.50, 0.30]])
    assert str(clearly_worse(scores, 1, **CLEAR)) == (
        "configuration 1 is clearly worse than configuration 0: by 0.1100 in the mean of 4 blocks (p = 0.00044 ≤ 0.05)"
    )


@pytest.mark.parametrize(
    ("scores", "arguments", "message"),
    [
        ([0.5, 0.6], {}, "configurations × blocks"),
        ([[0.5, np.inf]], {}, "finite or NaN"),
        ([[0.5, 0.6]], {"candidate": 1}, "row of the scores, 0 … 0, but got 1"),
        ([[0.5, 0.6]], {"looks": 0}, "looks must be at least 1"),
        ([[0.5, 0.6]], {"alpha": 1.0}, "got looks=1, alpha=1.0"),
        ([[0.5, 0.6]], {"at_least": 1}, "one block shows no spread"),
    ],
)
def test_invalid_arguments_are_refused(scores, arguments, message):
    given = {"candidate": 0, "looks": 1} | arguments
    with pytest.raises(ValueError, match=message):
        clearly_worse(np.array(scores), given.pop("candidate"), **given)


@pytest.mark.parametrize("name", NOISES)
def test_the_best_is_dropped_from_at_most_one_study_in_twenty(name):
    rate = error_rate(NOISES[name], "sampled", configurations=6, studies=STUDIES)
    assert rate * STUDIES <= stats.binom.ppf(0.99, STUDIES, 0.05)


def test_the_error_grows_with_alpha():
    """The simulation sees errors where there are some: at alpha = 0.9 the rule must err now and then."""
    assert error_rate(NOISES["normal"], "sampled", configurations=6, studies=60, alpha=0.9) > 0.05


def test_runs_are_saved_where_most_are_clearly_worse():
    """All that two blocks can save of eight, with eight bad ones of ten, is 60 %."""
    assert 0.35 < saved_share(4, "listed", studies=15) < 0.6
    assert saved_share(0, "listed", studies=15) < 0.08
    assert saved_share(4, "listed", broken=True, studies=15) > 0.3
