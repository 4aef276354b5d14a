"""Synthetic studies of images of which some are empty, written through ``rarepix.records`` as trials write theirs."""

from pathlib import Path

import numpy as np

from rarepix.gates import Certificate, Gate, Rate, TunedGate
from rarepix.record_splits import (
    ANY_CLASS,
    ClassCounts,
    GatedSums,
    ImageCurve,
    PixelCurve,
    PresenceHistogram,
    SplitCurves,
    SplitSums,
)
from rarepix.records import ClassPixels, Dataset, Objective, TrialRecord
from rarepix.scores.presence_bins import BINS, WIDTH
from tests.analysis.conftest import add_trial, make_record

SIZE = 10_000
"""Pixels of an image, of which a crack has a tenth."""


def dataset(empty: int, positive: int) -> Dataset:
    """What the records say about their data: in every split so many empty images, and so many with a crack."""
    splits = ("train", "val", "test")
    contents = {"nothing": ClassPixels(images=empty + positive, pixels=(empty + positive) * SIZE - positive * 1000),
                "crack": ClassPixels(images=positive, pixels=positive * 1000)}  # fmt: skip
    return Dataset(
        name="tiles", root="$DATA/tiles", inventory_hash="cd34", split="random", split_file="splits/s0.csv",
        classes=("nothing", "crack"), rare=("crack",), images=dict.fromkeys(splits, empty + positive),
        pixels=dict.fromkeys(splits, (empty + positive) * SIZE), contents=dict.fromkeys(splits, contents),
    )  # fmt: skip


def split_of(empty: np.ndarray, positive: np.ndarray, iou: float, above: float = 0.0):
    """Return counts and sums of images with these logits of presence; something is found where one is above *above*.

    Of a crack that is found the share *iou* is hit, and nothing else; a false alarm has 100 pixels.
    """
    alarms, found = int((empty > above).sum()), int((positive > above).sum())
    hit = round(1000 * iou) * found
    crack = ClassCounts(
        tp=hit, fp=100 * alarms, fn=1000 * len(positive) - hit,
        tn=SIZE * (len(empty) + len(positive)) - 1000 * len(positive) - 100 * alarms,
    )  # fmt: skip
    nothing = ClassCounts(tp=crack.tn, fp=crack.fn, fn=crack.fp, tn=crack.tp)
    images = ClassCounts(tp=found, fp=alarms, fn=len(positive) - found, tn=len(empty) - alarms)
    of_positive = crack.model_copy(update={"fp": 0, "tn": (SIZE - 1000) * len(positive)})
    sums = SplitSums(presence={"crack": images}, foreground=images, positive_pixels={"crack": of_positive})
    return {"nothing": nothing, "crack": crack}, sums


def histogram(empty: np.ndarray, positive: np.ndarray) -> PresenceHistogram:
    """Return the images by bin of their logit."""
    place = [np.clip(np.floor(each / WIDTH) + BINS // 2, 0, BINS - 1).astype(int) for each in (empty, positive)]
    negatives, positives = (np.bincount(each, minlength=BINS) for each in place)
    bins = np.flatnonzero(negatives + positives)
    return PresenceHistogram(bins=bins.tolist(), negatives=negatives[bins].tolist(), positives=positives[bins].tolist())


def curves_of(empty: np.ndarray, positive: np.ndarray, iou: float) -> SplitCurves:
    """Return what is found at 64 thresholds."""
    logits = 0.3 * (np.arange(64) - 32)
    found, alarms = ([int((each > threshold).sum()) for threshold in logits] for each in (positive, empty))
    recall = np.array(found) / len(positive) * iou
    area = np.array(alarms) / len(empty) * 0.01
    return SplitCurves(
        threshold=(1 / (1 + np.exp(-logits))).tolist(), positive=len(positive), empty=len(empty),
        images={"presence": ImageCurve(found=found, alarms=alarms)},
        pixels=PixelCurve(recall=recall.tolist(), recall_low=(recall * 0.9).tolist(), recall_high=recall.tolist(),
                          area=area.tolist(), area_low=(area * 0.5).tolist(), area_high=(area * 1.5).tolist()),
    )  # fmt: skip


def tuned(above: float, bound: float, *, images: int = 40) -> TunedGate:
    """Return a gate by the presence head that finds what has a logit above *above*."""
    probability = float(1 / (1 + np.exp(-above)))
    return TunedGate(
        gate=Gate(kind="presence", classes=("crack",), presence=(probability,)),
        certificate=Certificate(
            target=0.05, score=None, confidence=0.95, alarms=2, rank=2, images=images, bound=bound, units="images",
            alarms_by_class={"crack": 2}, sensitivity=Rate(hits=36, images=40, low=0.76, high=0.97),
            chosen_on={"empty": 0, "positive": 0},
        ),
        checkpoint="ab" * 32,
    )  # fmt: skip


def record(
    trial: str,
    parameters: dict,
    *,
    seed: int,
    apart: float = 3.0,
    iou: float = 0.5,
    images: tuple[int, int] = (40, 40),
    gate: tuple[float, float] | None = None,
) -> TrialRecord:
    """Return a complete record of a trial that tells images with a crack *apart* from empty ones.

    Args:
        images: empty and positive ones, of validation and of test.
        gate: the logit above which its gate finds something, and the bound of its false alarms.
    """
    rng = np.random.default_rng([seed, *trial.encode()])
    fields, iou = {name: {} for name in ("counts", "sums", "curves", "gated")}, iou + rng.normal(0, 0.01)
    for split in ("val", "test"):
        empty, positive = rng.normal(-apart / 2, 1, images[0]), rng.normal(apart / 2, 1, images[1])
        fields["counts"][split], sums = split_of(empty, positive, iou)
        of_classes = dict.fromkeys(("crack", ANY_CLASS), histogram(empty, positive))
        fields["sums"][split] = sums.model_copy(update={"presence_histogram": of_classes})
        if min(images):
            fields["curves"][split] = curves_of(empty, positive, iou)
        if gate:
            counts, behind = split_of(empty, positive, iou, gate[0])
            fields["gated"][split] = GatedSums(counts=counts, sums=behind)
    of_val = fields["counts"]["val"]
    value = float(np.mean([c.tp / (c.tp + c.fp + c.fn) for c in of_val.values()]))
    fields |= {"gate": tuned(*gate) if gate else None, "objective": Objective(name="miou", value=value, epoch=9)}
    return make_record(trial, seed=seed, parameters=parameters, dataset=dataset(*images), **fields)


def write_study(folder: Path, blocks: int = 6, *, gate: tuple[float, float] | None = (0.6, 0.15)) -> Path:
    """Write a study in which a presence head helps against false alarms, and a hypercolumn helps IoU."""
    for seed in range(blocks):
        for number, (presence, hypercolumn) in enumerate(
            [(presence, hypercolumn) for presence in ("none", "decoder") for hypercolumn in ("none", "fused")]
        ):
            parameters = {"model.presence": presence, "model.hypercolumn": hypercolumn}
            how = {"apart": 3.2 if presence == "decoder" else 2.0, "iou": 0.6 if hypercolumn == "fused" else 0.5}
            made = record(f"t{number}{seed:02d}", parameters, seed=seed, gate=gate, **how)
            add_trial(folder, made, images=False)
    return folder
