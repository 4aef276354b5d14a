"""The section on empty images: where some are, both questions with their numbers; where none is, nothing."""

import re

import pandas as pd
import pytest

from analysis import load_study
from analysis.reporting import empty_images
from analysis.reporting.report import csv_files, write_report
from analysis.reporting.terminal import summary
from analysis.study.results import compute_results
from tests.analysis.empty_records import write_study
from tests.analysis.reporting.test_report import Links

FILES = {"empty_images.csv", "empty_image_comparisons.csv", "gates.csv", "gate_comparisons.csv"}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A study of two switches on six blocks, its results, and the folder of its report."""
    folder = write_study(tmp_path_factory.mktemp("results") / "s")
    tables = load_study(folder)
    results = compute_results(tables)
    return tables, results, write_report(tables, folder / "report", results).parent


def section_of(told, most: int) -> dict:
    """What the template gets, with at most *most* rows a table."""
    tables, results, _ = told
    return empty_images.section(tables, results.empty, most)


@pytest.fixture(scope="module")
def section(told):
    page = (told[2] / "index.html").read_text(encoding="utf-8")
    begun = page.index('<section id="empty">')
    return page[begun : page.index("</section>", begun)]


def test_both_questions_are_answered_before_the_tables(section):
    text = "".join(Links(section).text)
    assert "Of the validation images of a trial 40 are empty, and 40 hold foreground." in text
    order = [
        "What helps against false alarms at equal sensitivity?", "model.presence: decoder below none (−0.",
        "What helps IoU?", "model.hypercolumn: fused above none (+0.", "Both questions side by side",
        "Each configuration", "With and without gate", "Every comparison in full",
    ]  # fmt: skip
    places = [text.index(each) for each in order]
    assert places == sorted(places)


def test_the_table_of_both_questions_says_better_and_worse_by_the_direction_of_each(told):
    shown = section_of(told, 20)["helps"]
    assert shown.headings[2:] == [
        "false alarms at 90 % sensitivity (lower is better)", "foreground IoU (higher is better)",
    ]  # fmt: skip
    by_name = {row[0]: row[1:] for row in shown.rows[:2]}
    assert by_name["model.presence"][0] == "'decoder' against 'none'"
    assert re.match(r"better: −0\.\d+ \(−0\.\d+ to −0\.\d+\), p < \.001", by_name["model.presence"][1])
    assert by_name["model.presence"][2].startswith("better: +0.0")
    assert by_name["model.hypercolumn"][1].startswith("no difference shown: −0.")


def test_every_configuration_has_its_means_with_intervals_the_fewest_false_alarms_first(told):
    shown = section_of(told, 20)["means"]
    assert shown.headings[:4] == ["configuration", "blocks", "false alarms at 90 % sensitivity", "foreground IoU"]
    assert [row[1] for row in shown.rows] == ["6"] * 4
    alarms = [float(row[2].split()[0]) for row in shown.rows]
    assert alarms == sorted(alarms)
    assert all(re.fullmatch(r"0\.\d{3} \(0\.\d{3} to [01]\.\d{3}\)", row[3]) for row in shown.rows)
    few = section_of(told, 2)
    assert len(few["means"].rows) == 2
    assert few["helps_more"] == 6


def test_gates_are_told_without_and_with_and_their_bound(told, section):
    shown = section_of(told, 20)
    row = dict(zip(shown["gate_means"].headings, shown["gate_means"].rows[0], strict=True))
    assert (row["gate"], row["on"], row["trials"]) == ("presence", "validation", "6")
    assert re.fullmatch(r"0\.\d{3} → 0\.\d{3}", row["false alarms"])
    assert row["bound of false alarms, highest"] == "0.150"
    assert "with a confidence of 95 %" in section
    verdicts = [row[-1] for row in shown["gate_tests"].rows]
    assert all(verdict.startswith("'with' is lower than 'without'") for verdict in verdicts)


def test_the_curves_and_the_forests_stand_in_the_section(section):
    for name in ("forest_false_alarms", "forest_iou", "threshold_curves"):
        assert section.count(f"figures/{name}.svg") == 1


def test_every_number_lies_beside_it(told):
    tables, results, folder = told
    assert set(csv_files(tables, results)) >= {*FILES, "threshold_curves.csv"}
    means = pd.read_csv(folder / "empty_images.csv")
    assert set(means["split"]) == {"val", "test"}
    assert means["configuration"].nunique() == 4
    compared = pd.read_csv(folder / "empty_image_comparisons.csv")
    assert set(compared["treatment"]) == {"model.presence", "model.hypercolumn", "configuration"}
    assert {"val_false_alarms_at_sensitivity_90", "val_gated_sensitivity"} <= set(compared["score"])
    assert len(pd.read_csv(folder / "gates.csv")) == 8
    links = Links((folder / "index.html").read_text(encoding="utf-8")).found
    assert {*FILES} <= set(links)


def test_the_terminal_answers_both_questions_and_tells_of_gates(told):
    tables, results, _ = told
    text = " ".join(summary(tables, width=160, results=results).split())
    assert text.count("False alarms on empty images: model.presence: decoder below none") == 1
    assert text.count("What helps IoU? model.presence: decoder above none") == 1
    assert "Empty images: configurations, the fewest false alarms at 90 % sensitivity first" in text
    assert "the highest of the bounds is 0.150" in text


def test_without_empty_images_there_is_nothing_of_it(tables, results, tmp_path, undrawn):
    assert empty_images.section(tables, results.empty, 20) is None
    page = write_report(tables, tmp_path / "report", results).read_text(encoding="utf-8")
    assert not FILES & {path.name for path in (tmp_path / "report").iterdir()}
    assert not (tmp_path / "report" / "threshold_curves.csv").exists()
    for word in ("mpty image", "false alarm", "#empty", "gate"):
        assert word not in page.split("<script>")[0], word
    assert "mpty image" not in summary(tables, results=results)


def test_without_gates_there_is_no_word_of_them(tmp_path, undrawn):
    tables = load_study(write_study(tmp_path / "s", 1, gate=None))
    results = compute_results(tables)
    folder = write_report(tables, tmp_path / "report", results).parent
    assert "ith gate" not in (folder / "index.html").read_text(encoding="utf-8").split("<script>")[0]
    assert {path.name for path in folder.iterdir()} & FILES == {"empty_images.csv", "empty_image_comparisons.csv"}
