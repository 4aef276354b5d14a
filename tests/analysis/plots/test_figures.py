"""That every figure is drawn, for studies of every size, and that the interactive ones can stand in a page."""

import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from analysis import load_study
from analysis.plots import FIGURES, draw_all
from analysis.plots.class_scores import draw_heatmap
from analysis.plots.importance import draw_importance_classes
from analysis.plots.interactive import INTERACTIVE, figures_json
from analysis.plots.leaderboard import leaderboard_table
from analysis.plots.parallel_coordinates import draw_parallel
from analysis.plots.style import save, styled
from analysis.reading.tables import Tables
from analysis.study.class_summary import scored_split
from analysis.study.comparisons import compare_treatments
from analysis.study.empty_images import ALARMS, EmptyImages
from analysis.study.leaderboard import configuration_names, leaderboard
from analysis.study.results import Results
from analysis.study.tuned_gates import IOU

OF_TABLES_ALONE = {
    "answer",
    "leaderboard",
    "history",
    "curves",
    "parallel",
    "slice",
    "heatmap",
    "properties",
    "timeline",
}


NO_EMPTY_IMAGES = EmptyImages("val", pd.DataFrame(), [], pd.DataFrame(), pd.DataFrame())
NOTHING = Results([], *[pd.DataFrame()] * 6, NO_EMPTY_IMAGES)


@pytest.fixture(scope="module")
def results(tables) -> Results:
    """What a report would have worked out, made up where working it out takes long."""
    best = leaderboard(tables)
    names = configuration_names(tables, best)
    classes = tables.classes["class"].unique()
    ranks = {"level": names, "mean_rank": np.arange(1.0, len(names) + 1), "n": 4, "k": len(names)}
    pair = {
        "treatment": "loss.name",
        "a": "ce",
        "b": "focal",
        "n": 4,
        "p_adjusted": 0.01,
        "floor_adjusted": 0,
        "train_pixels": 1,
    }
    importance = {"parameter": "optim.lr", "branch": "", "importance": 1.0, "method": "fanova", "n": 8, "note": ""}
    asked = compare_treatments(tables)
    of_empty = [
        asked[0]._replace(score=f"val_{name}", rows=asked[0].rows.assign(score=f"val_{name}")) for name in (ALARMS, IOU)
    ]
    ranked = asked[0]._replace(ranks=pd.DataFrame(ranks | {"critical_difference": 3.0}), levels=len(names))
    return NOTHING._replace(
        comparisons=[*asked, ranked],
        empty=NO_EMPTY_IMAGES._replace(comparisons=of_empty),
        differences=pd.DataFrame([pair | {"class": name, "difference": 0.02} for name in classes]),
        importance=pd.DataFrame([importance | {"target": name} for name in ("objective", *classes)]),
        validation_test=pd.DataFrame(
            {
                "configuration": names,
                "validation": best["objective"],
                "test": best["test_miou"],
                "trials": 1,
                "adjusted": best["objective"],
            }
        ),
    )


def with_curves(tables: Tables) -> Tables:
    """The same study, some of whose images are empty."""
    curve = {"split": "val", "threshold": [0.1, 0.9], "positive": 9, "empty": 5, "found": [8, 3], "alarms": [4, 0]}
    curve |= {"recall": [0.7, 0.3], "recall_low": [0.6, 0.2], "recall_high": [0.8, 0.4], "area": [0.5, 0.0]}
    parts = [pd.DataFrame(curve).assign(trial=trial) for trial in tables.trials["trial"]]
    return tables._replace(threshold_curves=pd.concat(parts)[tables.threshold_curves.columns])


def drawn_names(tables, results=NOTHING) -> set[str]:
    """The figures that have something to show; nothing is written."""
    with styled():
        return {name for name, draw in FIGURES.items() if draw(tables, results) is not None}


def test_every_figure_is_written_as_png_and_svg(tables, results, tmp_path):
    best, names = leaderboard(tables)["trial"].iloc[0], tables.classes["class"].unique()
    pairs = [(best, "val", true, predicted, 10) for true in names for predicted in names]
    confusion = pd.DataFrame(pairs, columns=tables.confusion.columns)
    drawn = draw_all(with_curves(tables)._replace(confusion=confusion), tmp_path, results)
    missing = {"contour", "curves_by_configuration"}  # eight trials, no configuration twice
    assert set(drawn) == set(FIGURES) - missing
    for name in drawn:
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (tmp_path / f"{name}.svg").read_text()
    assert len(list(tmp_path.iterdir())) == 2 * len(drawn)


def test_what_was_not_worked_out_is_not_drawn(tables):
    assert drawn_names(tables) == OF_TABLES_ALONE


@pytest.mark.parametrize("trials", [0, 1, 2])
def test_tiny_studies_draw_what_they_can(make, tmp_path, trials):
    make.study(tmp_path / "s", trials)
    tables = load_study(tmp_path / "s")
    drawn = drawn_names(tables)
    assert ("leaderboard" in drawn) == ("heatmap" in drawn) == (trials > 0)
    assert ("parallel" in drawn) == ("slice" in drawn) == (trials > 1)
    assert {"curves", "history", "timeline"} <= drawn
    assert set(figures_json(tables, NOTHING)) <= drawn


def test_interactive_figures_are_named_as_the_others_and_are_json(tables, results):
    drawn = figures_json(with_curves(tables), results)
    assert set(drawn) == set(INTERACTIVE) - {"contour"}
    assert set(INTERACTIVE) <= set(FIGURES)
    for text in drawn.values():
        assert set(json.loads(text)) == {"data", "layout"}
        go.Figure(json.loads(text))  # raises where a property does not exist or a value does not fit


def test_titles_and_colours_are_written_as_the_script_reads_them(tables, results):
    """Plotly for Python also takes a title as text and knows names of colour scales; its script does neither."""

    def parts(node):
        if isinstance(node, dict):
            yield from node.items()
        for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from parts(inner)

    for text in figures_json(with_curves(tables), results).values():
        said = [(key, value) for key, value in parts(json.loads(text)) if key in ("title", "colorscale")]
        assert said
        assert all(isinstance(value, dict if key == "title" else list) for key, value in said)


def test_interactive_figures_cannot_end_their_script_nor_bring_elements(tables, results):
    evil = "</script><img src=x onerror=alert(1)>"
    renamed = with_curves(tables)
    renamed = renamed._replace(trials=renamed.trials.assign(**{"loss.name": evil, "machine": evil}))
    evil_results = results._replace(validation_test=results.validation_test.assign(configuration=evil))
    for text in figures_json(renamed, evil_results).values():
        assert "</script" not in text
        assert "<img" not in text


def test_the_same_study_gives_the_same_files(tables, tmp_path):
    for name in ("one", "two"):
        with styled():
            save(draw_parallel(tables), tmp_path, name)
    for kind in ("png", "svg"):
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()


def test_leaderboard_table_has_both_scores(tables):
    table = leaderboard_table(tables, top=3)
    assert list(table) == ["trial", "validation", "test"]
    assert len(table) == 3


def test_the_order_of_classes_is_called_what_it_is(tables, results):
    unknown = tables._replace(classes=tables.classes.assign(train_pixels=np.nan))
    for study, order in ((tables, "rarest class first"), (unknown, "classes in the order of the file")):
        with styled():
            figures = [draw_heatmap(study), draw_importance_classes(results.importance, study)]
        assert all(order in figure.axes[0].get_title(loc="left") for figure in figures)


def test_classes_that_were_only_tested_are_shown_as_such(tables):
    tested = tables._replace(classes=tables.classes[tables.classes["split"] == "test"])
    assert scored_split(tested) == "test"
    assert scored_split(tables) == "val"
    with styled():
        assert draw_heatmap(tested).axes[0].get_title(loc="left").startswith("Test IoU")


def test_names_are_never_formulas(tables, results, tmp_path):
    """``$\\foo$`` is no formula that matplotlib could set, ``$a_1$`` would lose its dollars and its line."""
    odd = r"$\foo$ $a_1$"
    names = {name: f"{name}{odd}" for name in tables.trials["trial"]}
    classes = {name: f"{name}{odd}" for name in tables.classes["class"].unique()}
    renamed = tables._replace(
        trials=tables.trials.assign(trial=tables.trials["trial"].map(names), **{"loss.name": odd}),
        classes=tables.classes.assign(
            trial=tables.classes["trial"].map(names), **{"class": tables.classes["class"].map(classes)}
        ),
        curves=tables.curves.assign(trial=tables.curves["trial"].map(names)),
    )
    differences = results.differences.assign(a=odd, **{"class": results.differences["class"].map(classes)})
    drawn = draw_all(renamed, tmp_path, results._replace(differences=differences))
    assert {"heatmap", "differences", "leaderboard", "properties", "curves"} <= set(drawn)
    assert odd in (tmp_path / "differences.svg").read_text()
