"""The report on empty images of records that real trials wrote."""

import pytest

from analysis import load_study
from analysis.reporting.report import write_report
from analysis.study.empty_images import empty_images
from rarepix import layout, records
from rarepix.record_sums import record_sums
from rarepix.scores import empty_image_summary
from tests.analysis.reporting.test_report import Links
from tests.trial.test_gate import recipe
from trials.segment import main


@pytest.fixture(scope="module")
def trained(tiny_recipe, tmp_path_factory):
    """The folder of a study with one trial, on data of which half of the images are empty, with a gate."""
    root = tmp_path_factory.mktemp("empties")
    words = ["--recipe", recipe(tiny_recipe, root), "--results", root, "--study", "s", "--trial", "t"]
    assert main([*map(str, words)]) == 0
    return layout.study_folder(root, "s")


def test_the_columns_are_the_scores_of_the_record(trained):
    record = records.read(trained / "trials" / "t" / "record.json")
    (row,) = load_study(trained).trials.to_dict("records")
    for split in ("val", "test"):
        for gated, begun in ((False, ""), (True, "gated_")):
            expected = empty_image_summary(*record_sums(record, split, gated=gated))
            assert {"empty_false_alarm_rate", "sensitivity", "foreground_iou"} <= set(expected)
            values = {name: row[f"{split}_{begun}{name}"] for name in expected}
            assert values == pytest.approx(expected, nan_ok=True)
    sure = record.gate.certificate
    assert (row["gate_kind"], row["gate_bound"]) == ("presence+area", sure.bound)
    assert (row["gate_images"], row["gate_target"]) == (sure.images, 0.2)


def test_the_report_has_the_section_with_its_curves_and_the_gate(trained, tmp_path):
    tables = load_study(trained)
    folder = write_report(tables, tmp_path / "report").parent
    text = "".join(Links((folder / "index.html").read_text(encoding="utf-8")).text)
    curve = tables.threshold_curves.iloc[0]
    counted = (
        f"Of the validation images of a trial {curve['empty']} are empty, and {curve['positive']} hold foreground."
    )
    assert counted in text
    assert "(mean of 1 trial on test)" in text
    assert (folder / "figures" / "threshold_curves.png").is_file()
    means = empty_images(tables).means
    assert means["low"].isna().all()  # of a single block there is no interval
    assert set(means["split"]) == {"val", "test"}
