"""The report: complete, self-contained, and clear about what a small study cannot show."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from analysis import load_study
from analysis.reporting.page import SECTIONS
from analysis.reporting.report import csv_files, write_report
from analysis.study.leaderboard import leaderboard
from rarepix.record_splits import ClassCounts, SplitSums
from rarepix.records import Objective
from tests.analysis.conftest import add_trial, make_record


class Links(HTMLParser):
    """What a page loads or links to, and its text outside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found, self.text, self._hidden = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self._hidden = tag in ("script", "style")
        self.found += [value for name, value in attributes if name in ("src", "href") and not value.startswith("#")]

    def handle_endtag(self, tag):
        self._hidden = False

    def handle_data(self, data):
        if not self._hidden:
            self.text.append(data)


@pytest.fixture(scope="module")
def report(tables, results, tmp_path_factory):
    return write_report(tables, tmp_path_factory.mktemp("out") / "report", results)


@pytest.fixture(scope="module")
def page(report):
    return report.read_text(encoding="utf-8")


def test_nothing_is_loaded_from_outside_and_every_link_leads_somewhere(report, page):
    links = Links(page).found
    assert len([link for link in links if link.endswith(".png")]) >= 5
    for link in links:
        if link != "data:,":
            assert not re.match(r"(\w+:)?//", link), link
            assert (report.parent / link).is_file(), link
    assert "@import" not in page.split("<script>")[0]
    assert "url(" not in page.split("<script>")[0]


def test_the_script_is_embedded_once(page):
    assert page.count("plotly.js v") == 1
    assert page.count("<script>") >= 2


def test_anchors_exist(page):
    targets = re.findall(r'<a href="#([\w-]+)"', page)
    assert [name for name in SECTIONS if name in targets] == targets
    assert {"answer", "comparisons", "classes", "importance", "audit", "again"} <= set(targets)
    assert all(f'id="{target}"' in page for target in targets)


def test_the_tables_lie_beside_it(report, tables, results):
    sizes = {name: len(pd.read_csv(report.parent / f"{name}.csv")) for name in ("trials", "classes", "images")}
    assert sizes == {"trials": 11, "classes": len(tables.classes), "images": len(tables.images)}
    assert len(pd.read_csv(report.parent / "comparisons.csv")) == 10
    assert {path.name for path in report.parent.glob("*.csv")} == set(csv_files(tables, results))
    assert len(pd.read_csv(report.parent / "correlations.csv")) == 18


def test_counts_in_the_csv_are_whole_numbers(report):
    classes = pd.read_csv(report.parent / "classes.csv")
    assert (
        classes[["tp", "fp", "fn", "tn", "train_pixels", "train_images"]]
        .dtypes.map(pd.api.types.is_integer_dtype)
        .all()
    )


def test_the_answer_comes_first(page, tables):
    text = "".join(Links(page).text)
    best = leaderboard(tables).iloc[0]["trial"]
    assert (
        text.index(f"Best by validation is trial {best}")
        < text.index("by ranks alone none of the 3 comparisons can be decided")
        < text.index("The rarest class")
    )
    assert text.index("Before you rely on it") < text.index("Ranked by the validation objective")


def test_error_texts_cannot_become_markup(page):
    assert "step 12 &lt;script&gt;" in page
    assert "step 12 <script>" not in page


def test_a_report_is_replaced_as_a_whole(tables, results, tmp_path, undrawn):
    folder = tmp_path / "report"
    write_report(tables, folder, results)
    (folder / "old.txt").write_text("from before")
    write_report(tables, folder, results)
    assert not (folder / "old.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_report_that_fails_leaves_the_old_one(tables, results, tmp_path, undrawn, monkeypatch):
    page = write_report(tables, tmp_path / "report", results)
    before = page.read_bytes()
    monkeypatch.setattr("analysis.reporting.report.page", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(tables, tmp_path / "report", results)
    assert page.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_study_without_a_complete_trial_says_so(new_study):
    study = new_study(trials=0)
    page = write_report(load_study(study), study / "report").read_text(encoding="utf-8")
    text = "".join(Links(page).text)
    assert "No trial of this study is complete" in text
    assert "NonFiniteLoss" in text
    assert "Leaderboard" not in text


def test_one_trial_makes_a_report(new_study, undrawn):
    study = new_study(trials=1, broken=False)
    text = "".join(Links(write_report(load_study(study), study / "report").read_text(encoding="utf-8")).text)
    assert "Nothing can be compared" in text
    assert "1 complete trial is a look around" in text


def test_trials_without_masks_make_a_report(make, tmp_path):
    """Everything about the objective is there; what is said of each class is left out, and that is told."""
    for i in range(6):
        hits = 10 + i
        presence = {
            "car": ClassCounts(tp=hits, fp=2, fn=20 - hits, tn=18),
            "person": ClassCounts(tp=5, fp=1, fn=0, tn=4),
        }
        objective = Objective(name="mean_presence_recall", value=(hits / 20 + 1) / 2, epoch=2)
        parameters = {"loss": {"_name": ("ce", "focal")[i % 2]}}
        sums = dict.fromkeys(("val", "test"), SplitSums(presence=presence))
        record = make.record(f"t{i}", seed=i // 2, parameters=parameters, counts={}, sums=sums, objective=objective)
        make.add(tmp_path / "s", record)
    tables = load_study(tmp_path / "s")
    folder = write_report(tables, tmp_path / "report").parent
    text = "".join(Links((folder / "index.html").read_text(encoding="utf-8")).text)
    assert "Best by validation is trial t5 (loss.name=focal): mean presence recall 0.875 at epoch 2" in text
    assert "Its test mean presence recall, which chose nothing, is 0.875" in text
    assert "loss.name: validation mean presence recall" in text
    assert "6 of 6 trials predict no masks: they have no part in tables and figures of the IoU of each class" in text
    assert "The rarest class" not in text
    drawn = {path.name for path in (folder / "figures").iterdir()}
    assert {"answer.png", "curves.png", "forest.png"} <= drawn
    assert not {"heatmap.png", "confusion.png", "differences.png", "properties.png"} & drawn
    assert pd.read_csv(folder / "comparisons.csv")["score"].tolist() == ["objective"]
    assert pd.read_csv(folder / "trials.csv")["test_mean_presence_recall"].max() == 0.875


def test_the_confusion_matrix_stands_among_the_classes(make, tmp_path):
    sums = {"val": SplitSums(confusion=(np.eye(5, dtype=int) * 7).tolist())}
    make.add(tmp_path / "s", make.record("t", sums=sums))
    page = write_report(load_study(tmp_path / "s"), tmp_path / "report").read_text(encoding="utf-8")
    assert page.index('id="classes"') < page.index("figures/confusion.png") < page.index('id="correlations"')
    table = pd.read_csv(tmp_path / "report" / "confusion.csv")
    assert len(table) == 25
    assert table.loc[table["true"] == table["predicted"], "pixels"].tolist() == [7] * 5


@pytest.fixture(scope="module")
def five_blocks(tmp_path_factory):
    """The page and the tables of three losses on five seeds, four minutes a trial, one after the other."""
    folder = tmp_path_factory.mktemp("results") / "s"
    runs = [(seed, *each) for seed in range(5) for each in (("ce", 0.41), ("ce+dice", 0.42), ("dice", 0.46))]
    for number, (seed, loss, score) in enumerate(runs):
        begun, ended = (f"2024-05-01T1{at // 60}:{at % 60:02d}:00+00:00" for at in (4 * number, 4 * number + 4))
        objective = Objective(name="miou", value=score + 0.001 * seed + 0.0003 * (number % 2), epoch=2)
        parameters = {"loss": {"_name": loss}}
        record = make_record(
            f"t{number:02d}", seed=seed, parameters=parameters, objective=objective, started=begun, finished=ended
        )
        add_trial(folder, record, images=False)
    return write_report(load_study(folder), folder / "report")


def test_the_page_of_five_blocks_says_what_the_sixth_would_cost(five_blocks):
    page = five_blocks.read_text(encoding="utf-8")
    cost = "1 more block of 3 configurations: 3 trials, about 12 min of training: "
    assert f"{cost}<code>rarepix study extend s --blocks 1</code>" in page
    assert page.index("not all 3 are equal") < page.index(cost) < page.index('id="leaderboard"')


def test_the_page_has_the_three_verdicts_and_the_procedure(five_blocks):
    text = "".join(Links(five_blocks.read_text(encoding="utf-8")).text)
    assert "Adjusted p: closed testing of 4 intersections by all permutations of labels." in text
    assert "Second opinion: normal errors cannot be checked with n = 5 blocks" in text
    assert "'dice' against 'ce' cannot be decided with n = 5 pairs (needs 6); assuming normal" in text
    assert "Holm" not in text
    table = pd.read_csv(five_blocks.parent / "agreement.csv")
    of_objective = table[table["score"] == "objective"]
    assert of_objective["rule"].tolist() == ["claimed, cannot be decided"] * 3
    assert len(pd.read_csv(five_blocks.parent / "linear_model.csv")) == len(table)
