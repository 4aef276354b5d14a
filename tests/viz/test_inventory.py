"""The picture of an inventory: for few and many classes, without overlapping texts."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from rarepix.data.inventory.summary import class_table, co_occurrence
from rarepix.labels import LabelSpace
from rarepix.viz.inventory import LONGEST, draw_inventory, save, short


def drawing(classes: int, *, palette: bool = True, images: int = 40, empty: bool = False):
    """Return the picture of synthetic counts: each class a third rarer than the one before, the last one absent."""
    rng = np.random.default_rng(0)
    names = tuple(f"class_number_{number}"[: 6 + number] for number in range(classes))
    share = 0.66 ** np.arange(classes)
    held = rng.random((images, classes)) < np.sqrt(share)
    counts = np.where(held, rng.integers(1, 100_000, (images, classes)) * share, 0).astype(int)
    counts[:, -1] = 0
    if empty:
        counts[:] = 0
        counts[:, 0] = 1
    table = pd.DataFrame(counts, columns=list(names)).assign(border=10, height=300, width=400)
    here = [name for name in names if table[name].any() and not empty]
    objects = pd.DataFrame(
        [("0", name, int(size)) for name in here for size in rng.lognormal(5, 2, 30) + 1],
        columns=["image", "class", "pixels"],
    )
    colours = tuple((number * 7 % 256, 40, 90) for number in range(classes)) if palette else ()
    labels = LabelSpace(names=names, palette=colours)
    together = co_occurrence(table[[*names]])
    return draw_inventory(class_table(table, objects, names), together, objects, labels, f"{classes} classes")


def boxes(figure) -> list[tuple[str, object]]:
    """Return every text that is drawn, with its bounding box."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    texts = [figure._suptitle]
    for axes in figure.axes:
        ticks = [*axes.xaxis.get_major_ticks(), *axes.yaxis.get_major_ticks()]
        low, high = sorted(axes.get_xlim())
        drawn = [tick for tick in axes.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
        drawn += axes.yaxis.get_major_ticks()
        assert ticks
        texts += [label for tick in drawn for label in (tick.label1, tick.label2) if label.get_visible()]
        texts += [axes._left_title, *axes.texts]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in texts if text.get_text()]


def crossing(drawn: list[tuple[str, object]]) -> set[tuple[str, str]]:
    """Return the pairs of texts that overlap by more than a pixel."""
    x0, y0, x1, y1 = np.array([box.extents for _, box in drawn]).T
    across = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    down = np.minimum(y1[:, None], y1) - np.maximum(y0[:, None], y0)
    pairs = np.argwhere(np.triu((across > 1) & (down > 1), k=1))
    return {(drawn[a][0], drawn[b][0]) for a, b in pairs}


@pytest.mark.parametrize("classes", [2, 30, 60])
def test_no_text_lies_on_another_or_outside(classes):
    figure = drawing(classes)
    drawn = boxes(figure)
    texts = [text for text, _ in drawn]
    assert texts.count(f"{classes} classes") == 1
    assert len(drawn) > 4 * classes
    width, height = figure.canvas.get_width_height()
    outside = [text for text, box in drawn if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height]
    assert outside == []
    assert crossing(drawn) == set()


def test_the_check_itself_sees_overlapping_texts():
    figure = drawing(2)
    figure.axes[0].text(0, 0, "on top", transform=figure.axes[0].transAxes)
    figure.axes[0].text(0, 0, "of this", transform=figure.axes[0].transAxes)
    assert ("on top", "of this") in crossing(boxes(figure))


def test_every_class_has_a_row_in_every_panel():
    figure = drawing(11)
    pixels, images, sizes, together, _ = figure.axes
    rows = [label.get_text() for label in pixels.get_yticklabels()]
    assert len(rows) == 11
    assert rows == [label.get_text() for label in together.get_yticklabels()]
    assert rows == [label.get_text() for label in together.get_xticklabels()]
    assert len({axes.get_ylim() for axes in (pixels, images, sizes, together)}) == 1
    assert [text.get_text() for text in pixels.texts][-1] == "absent"
    assert [text.get_text() for text in sizes.texts][-1] == "none"
    assert len(pixels.patches) == 10  # a bar for each that is there


@pytest.mark.parametrize("options", [{"palette": False}, {"empty": True}, {"images": 1}])
def test_unusual_datasets_are_drawn(options, tmp_path):
    assert len(boxes(drawing(3, **options))) > 10


def test_files(tmp_path):
    first = save(drawing(2), tmp_path / "new", "imbalance")
    assert [path.name for path in first] == ["imbalance.png", "imbalance.svg"]
    with Image.open(first[0]) as picture:
        pixels = np.asarray(picture.convert("L"))
    assert pixels.mean() > 200  # dark on light
    assert pixels.min() < 60
    content = first[1].read_bytes()
    save(drawing(2), tmp_path / "new", "imbalance")
    assert first[1].read_bytes() == content


def test_long_names_are_cut_in_the_middle():
    assert short("a" * LONGEST) == "a" * LONGEST
    cut = short("the_beginning_of_a_name_and_its_end")
    assert len(cut) == LONGEST
    assert cut.startswith("the_begin")
    assert cut.endswith("d_its_end")
