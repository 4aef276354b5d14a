"""Scores as functions of sums, in numpy only: trials, the search and the analysis share them."""

from rarepix.scores.class_scores import (
    ABSENT,
    HISTOGRAM_KINDS,
    IMAGE_DICE_KINDS,
    KINDS,
    SOFT_KINDS,
    SURFACE_KINDS,
    Counts,
    Score,
    by_kind,
    iou,
    mean,
    per_image,
    pooled,
    precision,
    ratio,
    recall,
    summed,
    worst,
)
from rarepix.scores.rows import KINDS_OF, ClassNames, Direction, Sums
from rarepix.scores.table import (
    CLASS_SCORES,
    EMPTY_IMAGE_SCORES,
    GROUPS,
    PIXEL_SCORES,
    SCORES,
    SUMMARY,
    SUMMARY_BY_CLASS,
    MissingSums,
    available,
    check_score,
    direction_of,
    empty_image_summary,
    groups,
    is_of_rare_classes,
    objective,
    pool,
    score,
    score_name,
    summary,
)

__all__ = [
    "ABSENT", "CLASS_SCORES", "EMPTY_IMAGE_SCORES", "GROUPS", "HISTOGRAM_KINDS", "IMAGE_DICE_KINDS", "KINDS",
    "KINDS_OF", "PIXEL_SCORES", "SCORES", "SOFT_KINDS", "SUMMARY", "SUMMARY_BY_CLASS", "SURFACE_KINDS", "ClassNames",
    "Counts", "Direction", "MissingSums", "Score", "Sums", "available", "by_kind", "check_score", "direction_of",
    "empty_image_summary", "groups", "iou", "is_of_rare_classes", "mean", "objective", "per_image", "pool", "pooled",
    "precision", "ratio", "recall", "score", "score_name", "summary", "summed", "worst",
]  # fmt: skip
