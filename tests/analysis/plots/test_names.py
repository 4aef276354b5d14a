import itertools

import numpy as np
import pytest

from analysis.plots.labels import distinct_labels, label_points, pair_name, short_keys, shorten, signed_change, wrap
from analysis.plots.style import new_figure, styled


def test_long_names_are_cut_in_the_middle():
    assert shorten("abcdefghijklmnopqrstuvwxyz", 9) == "abcd…wxyz"
    assert shorten("abc", 9) == "abc"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["abcdefghijklmnopqrstuvwxyz", "abc", "abc"], ["abcd…wxyz", "abc", "abc"]),
        (["TRUE_mskf_cnt_none", "TRUE_mskf_x2_none", "b"], ["TRUE…cnt…", "TRUE…x2…", "b"]),
        (["loss.name.one.end", "loss.name.two.end"], ["loss…one…", "loss…two…"]),
        (["aaaaaaaaaaXbbbbbbbbb", "aaaaaaaaaaYbbbbbbbbb"], ["aaaaaa…X…", "aaaaaa…Y…"]),
        (["aaaaa1234567890zzzz", "aaaaaABCDEFGHIJzzzz"], ["aaaa…0zzzz", "aaaa…Jzzzz"]),
        (["aaaaaaaaaabbbbbbbbbb", "aaaaaaaaaa+bbbbbbbbbb"], ["aaaaaa……", "aaaaaa…+…"]),
        ([], []),
    ],
)
def test_different_names_stay_different(names, expected):
    assert distinct_labels(names, 9) == expected


def test_many_names_that_are_cut_stay_different_and_short():
    parts = [("TRUE", "FALSE"), ("mskf_x2", "random_x2", "skf_prop"), ("TRUE", "FALSE"), ("none", "count")]
    names = ["_".join(chosen) for chosen in itertools.product(*parts)]
    assert len({shorten(name, 14) for name in names}) < len(names)
    cut = distinct_labels(names, 14)
    assert len(set(cut)) == len(names)
    assert max(map(len, cut)) <= 20


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-0.0004, "0.000"), (0.0004, "0.000"), (-0.0, "0.000"), (-0.0016, "−0.002"), (0.1, "+0.100")],
)
def test_what_rounds_to_zero_has_no_sign(value, expected):
    assert signed_change(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss.name=ce+dice sampling.kind=rare_class optim.lr=1e-05", "ce+dice rare_class lr=1e-05"),
        ("default (loss.name=ce crop.size=[64, 64])", "default (ce size=[64, 64])"),
        ("the recipe as it is", "the recipe as it is"),
        ("paste_by=none", "paste_by=none"),
    ],
)
def test_configurations_with_short_keys(text, expected):
    assert short_keys(text) == expected


def test_a_wrapped_name_keeps_to_its_lines_and_breaks_no_word_that_fits():
    text = "weight_decay=3.5e-05 flip=False size=256"
    assert wrap(text, 24) == "weight_decay=3.5e-05\nflip=False size=256"
    lines = wrap("one two three four " * 9, 20, 2).split("\n")
    assert len(lines) == 2
    assert max(map(len, lines)) <= 20
    assert wrap("x" * 90, 20, 2).replace("\n", "").count("x") == 39  # and the dots
    assert wrap("", 20) == ""


@pytest.mark.parametrize(
    ("b", "a", "expected"),
    [
        ("dice", "ce", "dice − ce"),
        (True, False, "True − False"),
        (0.5, 2.0, "0.5 − 2"),
        ("loss.name=ce optim.lr=1", "loss.name=dice optim.lr=1", "ce − dice\nboth lr=1"),
        ("loss.name=" + "x" * 50, "loss.name=y", f"{shorten('x' * 50, 40)}\n− y"),
        ("loss.name=ce", "loss.name=ce optim.lr=1", "ce − lr=1"),
    ],
)
def test_a_pair_is_named_by_its_difference(b, a, expected):
    assert pair_name(b, a, 40) == expected


def test_names_beside_dots_do_not_lie_on_each_other():
    with styled():
        figure, axes = new_figure(4, 3)
        dots = np.array([[0.5, 0.5]] * 9 + [[0.0, 0.0], [1.0, 1.0]])
        axes.scatter(*dots.T)
        label_points(figure, axes, dots, [(x, y, f"name {i}") for i, (x, y) in enumerate(dots)])
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in axes.texts]
    assert 2 <= len(boxes) < len(dots)
    assert axes.texts[0].get_text() == "name 0"
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
