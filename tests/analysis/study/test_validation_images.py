"""Configurations that were validated on different images are compared on the test part, and the report says so."""

from pathlib import Path

import pandas as pd
import pytest

from analysis import load_study
from analysis.reporting.report import write_report
from analysis.reporting.terminal import summary
from analysis.study.comparisons import compare_treatments, compared_scores
from analysis.study.validation_images import APART, NOT_COMPARABLE, validated_on_different_images, validation_caution

STRATIFIED, RANDOM = {"data.split": "multilabel"}, {"data.split": "random"}


@pytest.fixture
def study(tmp_path: Path, make) -> Path:
    """Two configurations on four blocks; the second one validates on an image more."""
    folder = tmp_path / "splits-abc"
    for seed in range(4):
        make.add(folder, make.record(f"a{seed}", seed=seed, parameters=STRATIFIED))
        validate_on(make.add(folder, make.record(f"b{seed}", seed=seed, parameters=RANDOM)), "val", "im7")
    return folder


def validate_on(trial: Path, split: str, image: str) -> None:
    """Give a split one more image."""
    table = pd.read_parquet(trial / "images.parquet")
    more = table[(table["split"] == split) & (table["image"] == "im0")].assign(image=image)
    pd.concat([table, more], ignore_index=True).to_parquet(trial / "images.parquet")


def test_unlike_validation_is_not_compared(study, undrawn):
    tables = load_study(study)
    assert compared_scores(tables) == ["test_miou", "test_rare_iou"]
    assert {question.score for question in compare_treatments(tables)} == {"test_miou", "test_rare_iou"}
    assert validation_caution(tables) == APART
    assert APART in " ".join(summary(tables).split())
    assert APART in write_report(tables, study / "report").read_text()


def test_the_same_images_are_compared_and_nothing_is_said(study, undrawn):
    for seed in range(4):
        validate_on(study / "trials" / f"a{seed}", "val", "im7")
    tables = load_study(study)
    assert compared_scores(tables) == ["objective", "val_rare_iou"]
    assert validation_caution(tables) == ""
    assert "validated on different images" not in write_report(tables, study / "report").read_text()


def test_as_many_images_need_not_be_the_same(study):
    for seed in range(4):
        validate_on(study / "trials" / f"a{seed}", "val", "im8")
    assert validated_on_different_images(load_study(study))


def test_blocks_may_differ_among_themselves(tmp_path, make):
    for seed in range(3):
        for name, parameters in {"a": STRATIFIED, "b": RANDOM}.items():
            validate_on(
                make.add(tmp_path, make.record(f"{name}{seed}", seed=seed, parameters=parameters)), "val", f"of{seed}"
            )
    assert not validated_on_different_images(load_study(tmp_path))


def test_without_a_test_part_that_all_share_it_is_said_that_nothing_can_be_compared(study):
    validate_on(study / "trials" / "b0", "test", "im9")
    tables = load_study(study)
    assert compared_scores(tables) == ["objective", "val_rare_iou"]
    assert validation_caution(tables) == NOT_COMPARABLE
