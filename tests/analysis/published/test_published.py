"""The published study analysed again.

Its files are not part of the project: ``RAREPIX_PUBLISHED_STUDY=FOLDER pytest tests/analysis/published`` runs the tests
that need them. The others run on files made up from what the study printed.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.published import reanalysis
from analysis.published.__main__ import main
from analysis.published.reported import BEST_METHOD, CLASSES, GAINS, GROUPS, LOW, RANK_SUMS, REDUCED
from analysis.published.reproduced import rank_sums, reproduced
from analysis.published.study_files import COLUMNS, METHODS, RUNS, TRAINING, NotTheStudy, class_properties, read

FOLDER = os.environ.get("RAREPIX_PUBLISHED_STUDY")
needs_the_files = pytest.mark.skipif(not FOLDER, reason="RAREPIX_PUBLISHED_STUDY names no folder with the study's CSV")


def runs() -> pd.DataFrame:
    """The 50 runs as far as they were printed: test mIoU with four decimals; classes that spread around it."""
    rng = np.random.default_rng(0)
    rows = []
    for name, group in GROUPS.items():
        thinned, split, sampling, pasted, by = name.replace("skf_prop", "skfprop").split("_")
        for seed, score in enumerate(group.values, start=1):
            row = {"random_state": seed, "configs": name, "is_imbalance": thinned, "split_strategy": split}
            row |= {"resampling_strategy": sampling, "do_copypaste": pasted, "paste_by": by, "test_mIoU": score}
            classes = dict(zip(CLASSES, score + rng.normal(0, 0.02, len(CLASSES)), strict=True))
            rows.append(row | classes | {"epoch_val_mIoU": 1.2 - score})
    return pd.DataFrame(rows)


@pytest.fixture
def folder(tmp_path) -> Path:
    runs().to_csv(tmp_path / RUNS, index=False)
    rng = np.random.default_rng(1)
    training = pd.DataFrame({"height": [10] * 6, "width": 10, "area": 100})
    for name in CLASSES[:-1]:
        training[f"{name}_sum"] = rng.integers(0, 3, 6) * rng.integers(1, 40, 6)
        training[f"{name}_prop"] = training[f"{name}_sum"] / 100
    training["skf_prop_rstate1_fold0"] = "train"
    training.to_csv(tmp_path / TRAINING, index=False)
    names = [*(f"method{i}" for i in range(7)), BEST_METHOD]
    methods = {name: rng.uniform(20, 90, len(CLASSES)) for name in names}
    pd.DataFrame(methods, index=list(CLASSES)).to_csv(tmp_path / METHODS)
    return tmp_path


def test_what_was_printed_fits_together():
    assert {name for test in RANK_SUMS for name in (test.first, test.second)} <= set(GROUPS)
    for group in GROUPS.values():
        assert np.mean(group.values) == pytest.approx(group.mean, abs=5e-5)
        assert np.std(group.values, ddof=1) == pytest.approx(group.sd, abs=5e-5)
    assert [len(gain.classes) for gain in GAINS] == [len(REDUCED), 15, len(LOW), 13]


def test_the_published_rank_sums_come_from_scores_of_four_decimals(folder):
    """The six published statistics and p, to their last printed digit, from the printed scores alone."""
    table = rank_sums(folder)
    assert table["agrees"].all()
    assert not table["rounding"].any()  # these scores have been rounded already


def test_properties_are_found_by_class_not_by_a_part_of_a_name(folder):
    training = pd.read_csv(folder / TRAINING)
    result = class_properties(folder)
    assert result.index.tolist() == list(CLASSES[:-1])
    held = training["cow_sum"][training["cow_sum"] > 0]
    assert result.loc["cow", "freq_sum"] == len(held)
    assert result.loc["cow", "nz_pixel_mean"] == pytest.approx(held.mean())


def test_a_row_that_does_not_agree_is_named(folder, capsys):
    result = {section.title: section for section in reproduced(folder)}
    wrong = result["Test mIoU by configuration, five seeds of the split"]
    assert not wrong.table["agrees"].all()  # means of rounded scores miss the sixth decimal
    named = wrong.table.loc[~wrong.table["agrees"], "configuration"]
    assert f"{len(named)} of 10 rows do not agree: {', '.join(named)}." in wrong.sentences
    assert main([str(folder)]) == 1
    assert "do not agree" in capsys.readouterr().out


def test_what_the_runs_can_show(folder):
    """Of the runs as printed: five pairs decide nothing, ten blocks decide copy-paste."""
    result = {section.title: section for section in reanalysis.reanalysis_sections(folder)}
    pairs = result["The six published pairs, exactly"].table
    assert (pairs["p_paired"] >= 2 / 2**5).all()
    assert (pairs["p_paired_holm"] > 0.05).all()
    pooled = result["Questions that several configurations answer together"].table.set_index(["question", "a", "b"])
    paste = pooled.loc[("copy-paste", "none", "cnt")]
    assert paste["n"] == 10
    assert paste["p"] == pytest.approx(2 / 2**10)  # every one of ten pairs is on one side
    assert paste["difference"] == pytest.approx(0.0115, abs=0.002)
    assert pooled.loc[("re-sampling", "x2", "cnt"), "p"] > 0.5


def test_everything_is_written(folder, tmp_path, capsys, undrawn):
    assert main([str(folder), "--out", str(tmp_path / "out")]) == 1
    assert (tmp_path / "out" / "report" / "index.html").is_file()
    assert (tmp_path / "out" / "rank_sum_tests.csv").is_file()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / RUNS).unlink(), f"but lacks {RUNS}: it holds"),
        (lambda folder: (folder / TRAINING).write_text("a,b\n1,2\n"), "lacks ['height'"),
        (lambda folder: (folder / METHODS).write_text("x,a\ncow,1\n"), "must have a row per class"),
        (lambda folder: (folder / METHODS).write_text(""), "must be a CSV file"),
    ],
)
def test_other_files_are_refused_in_one_sentence(folder, capsys, spoil, said):
    spoil(folder)
    assert main([str(folder)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_column_that_is_read_is_asked_for(folder):
    for file, columns in COLUMNS.items():
        for name in columns[:1]:
            pd.read_csv(folder / file).drop(columns=name).to_csv(folder / file, index=False)
            with pytest.raises(NotTheStudy, match=name):
                read(folder, file)


@needs_the_files
def test_every_published_table_to_the_printed_digit():
    for section in reproduced(Path(FOLDER)):
        assert section.table["agrees"].all(), section.title


@needs_the_files
def test_what_an_honest_report_finds():
    """Section 9 of the statistics: validation does not rank test, pairing was ignored, n = 5 decides nothing."""
    result = {section.title: section for section in reanalysis.reanalysis_sections(Path(FOLDER))}
    audit = result["The audit, eight thinned configurations"].table.set_index("check")
    assert audit.loc["rank correlation over configurations", "value"] == pytest.approx(-0.10, abs=0.005)
    assert audit.loc["test rank of the pick", "value"] == 8
    spread = result["Spread over seeds, class by class"].table
    assert spread["times"].max() > 5
    pooled = result["Questions that several configurations answer together"].table.set_index(["question", "a", "b"])
    assert pooled.loc[("copy-paste", "none", "cnt"), "difference"] == pytest.approx(0.0115, abs=0.002)
    assert pooled.loc[("re-sampling", "x2", "cnt"), "difference"] == pytest.approx(0.001, abs=0.001)
