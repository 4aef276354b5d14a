import numpy as np

from analysis.study.class_summary import AS_IN_FILE, RAREST_FIRST, class_correlations, class_order_text, class_summary


def test_correlations_cover_both_scores(tables):
    rows = class_correlations(tables)
    assert len(rows) == 2 * 3 * 3
    assert set(rows["y"]) == {"mean IoU", "IoU in the best trial"}


def test_without_amounts_classes_are_in_the_order_of_the_file(tables):
    unknown = tables._replace(classes=tables.classes.assign(train_pixels=np.nan))
    assert class_order_text(class_summary(tables)) == RAREST_FIRST
    assert class_order_text(class_summary(unknown)) == AS_IN_FILE
    assert class_summary(unknown)["class"].tolist() == unknown.classes["class"].drop_duplicates().tolist()
