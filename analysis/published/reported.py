"""The figures that the study reported, with as many decimals as it reported: ours are compared with them."""

from typing import NamedTuple

PROPERTIES = ("freq_sum", "proportion_mean", "nz_proportion_mean", "pixel_mean", "nz_pixel_mean")
CORRELATIONS = {
    ("freq_sum", "pearson"): (0.1493, 0.5299),
    ("freq_sum", "spearman"): (0.1475, 0.5348),
    ("freq_sum", "kendall"): (0.1220, 0.4548),
    ("proportion_mean", "pearson"): (0.3560, 0.1235),
    ("proportion_mean", "spearman"): (0.4060, 0.0757),
    ("proportion_mean", "kendall"): (0.3053, 0.0638),
    ("nz_proportion_mean", "pearson"): (0.4676, 0.0376),
    ("nz_proportion_mean", "spearman"): (0.4436, 0.0501),
    ("nz_proportion_mean", "kendall"): (0.3368, 0.0398),
    ("pixel_mean", "pearson"): (0.3536, 0.1262),
    ("pixel_mean", "spearman"): (0.4286, 0.0594),
    ("pixel_mean", "kendall"): (0.3158, 0.0548),
    ("nz_pixel_mean", "pearson"): (0.4598, 0.0414),
    ("nz_pixel_mean", "spearman"): (0.3865, 0.0923),
    ("nz_pixel_mean", "kendall"): (0.2842, 0.0855),
    ("freq_prop", "pearson"): (0.2132, None),
    ("freq_nz_prop", "pearson"): (0.3560, None),
}
"""(property of a class, coefficient) → (r, p) with its mean IoU over eight methods; None: not reported."""


CLASS_SCORES = {
    "aeroplane": 79.975, "bicycle": 33.55, "bird": 75.025, "boat": 55.3, "bottle": 64.1125,
    "bus": 79.9, "car": 76.125, "cat": 79.25, "chair": 25.65, "cow": 66.7,
    "diningtable": 52.9, "dog": 74.375, "horse": 67.525, "motorbike": 77.6375, "person": 76.2375,
    "pottedplant": 50.55, "sheep": 75.6125, "sofa": 43.9375, "train": 72.6875, "tvmonitor": 58.1625,
}  # fmt: skip
"""Class → mean IoU (per cent) over eight methods."""
BEST_METHOD = "DeepLab-CRF-GS-v2"
BEST_METHOD_CORRELATIONS = {"proportion_mean": 0.35477797, "pixels": 0.352824292}
"""Property → Pearson's r with the IoU of that method alone."""


class Group(NamedTuple):
    """Five runs of one configuration."""

    mean: float
    sd: float
    values: tuple[float, ...]
    """By seed of the split, 1 to 5."""


GROUPS = {
    "FALSE_random_x2_FALSE_none": Group(0.555764, 0.008171, (0.5575, 0.5688, 0.5477, 0.5543, 0.5506)),
    "FALSE_mskf_x2_FALSE_none": Group(0.555109, 0.003390, (0.5535, 0.5567, 0.5513, 0.5540, 0.5601)),
    "TRUE_random_x2_TRUE_cnt": Group(0.531912, 0.004774, (0.5296, 0.5348, 0.5318, 0.5379, 0.5255)),
    "TRUE_random_x2_TRUE_performance": Group(0.531783, 0.002929, (0.5302, 0.5365, 0.5307, 0.5326, 0.5289)),
    "TRUE_mskf_cnt_TRUE_performance": Group(0.529656, 0.005464, (0.5312, 0.5312, 0.5201, 0.5316, 0.5341)),
    "TRUE_mskf_cnt_TRUE_cnt": Group(0.528834, 0.007287, (0.5307, 0.5223, 0.5203, 0.5374, 0.5334)),
    "TRUE_random_x2_FALSE_none": Group(0.518869, 0.004718, (0.5235, 0.5232, 0.5172, 0.5184, 0.5121)),
    "TRUE_mskf_cnt_FALSE_none": Group(0.518855, 0.003617, (0.5237, 0.5203, 0.5138, 0.5181, 0.5183)),
    "TRUE_mskf_x2_FALSE_none": Group(0.517678, 0.005603, (0.5204, 0.5090, 0.5177, 0.5171, 0.5242)),
    "TRUE_skf_prop_cluster_FALSE_none": Group(0.510055, 0.005661, (0.5126, 0.5023, 0.5135, 0.5159, 0.5060)),
}
"""Configuration → its test mIoU."""


CLASS_GROUPS = {
    "aeroplane": (0.5457, 0.6011, 0.5490),
    "bicycle": (0.2125, 0.2568, 0.2535),
    "bottle": (0.2744, 0.3340, 0.3269),
    "chair": (0.0491, 0.1050, 0.0980),
    "cow": (0.7045, 0.6791, 0.6763),
    "dog": (0.7043, 0.6820, 0.6971),
}
"""Class → its IoU, random split, thinned: none, copy-paste by count, by performance (means of five runs)."""


class RankSum(NamedTuple):
    """One published test: *first* against *second*."""

    first: str
    second: str
    statistic: float
    p: float


_CNT, _RANDOM = "TRUE_mskf_cnt", "TRUE_random_x2"
RANK_SUMS = (
    RankSum(f"{_CNT}_FALSE_none", f"{_CNT}_TRUE_cnt", -2.088931871, 0.0367138564),
    RankSum(f"{_CNT}_FALSE_none", f"{_CNT}_TRUE_performance", -2.193378465, 0.0282801226),
    RankSum(f"{_CNT}_TRUE_cnt", f"{_CNT}_TRUE_performance", -0.104446594, 0.9168149485),
    RankSum(f"{_RANDOM}_FALSE_none", f"{_RANDOM}_TRUE_cnt", -2.611164839, 0.0090234388),
    RankSum(f"{_RANDOM}_FALSE_none", f"{_RANDOM}_TRUE_performance", -2.611164839, 0.0090234388),
    RankSum(f"{_RANDOM}_TRUE_cnt", f"{_RANDOM}_TRUE_performance", 0.104446594, 0.9168149485),
)

CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor", "background",
)  # fmt: skip
REDUCED = ("aeroplane", "bicycle", "bird", "bottle", "cat", "chair")
"""The classes whose images were thinned to a fifth."""
LOW = ("chair", "bicycle", "sofa", "pottedplant", "diningtable", "boat", "tvmonitor", "bottle")
"""The eight classes with the lowest published IoU, donors of copy-paste by performance."""


class Gain(NamedTuple):
    """A published gain of copy-paste over none (random split): mean over a set of classes of the five-run means."""

    paste: str
    classes: tuple[str, ...]
    name: str
    value: float


GAINS = (
    Gain("cnt", REDUCED, "6 reduced classes", 0.04241),
    Gain("cnt", tuple(name for name in CLASSES if name not in REDUCED), "other 15", 0.00130),
    Gain("performance", LOW, "8 low classes", 0.03003),
    Gain("performance", tuple(name for name in CLASSES if name not in LOW), "other 13", 0.00238),
)
