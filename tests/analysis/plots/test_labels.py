"""Names of rows and columns: at their rows and columns, beside the axes, inside the figure."""

from matplotlib.backends.backend_agg import FigureCanvasAgg

from analysis.plots.labels import label_columns, label_rows
from analysis.plots.style import fix_layout, new_figure, styled

ROWS, COLUMNS = ["a rather long name of a row", "b"], ["first", "a rather long name of a column", "third"]


def test_names_stand_beside_their_rows_and_columns_and_inside_the_figure():
    with styled():
        figure, axes = new_figure(4, 3)
        axes.imshow([[0, 1, 2], [3, 4, 5]], aspect="auto")
        label_rows(axes, range(2), ROWS)
        label_columns(axes, range(3), COLUMNS)
        fix_layout(figure)
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = {text.get_text(): text.get_window_extent(renderer) for text in axes.texts}
    assert list(boxes) == ROWS + COLUMNS
    image = axes.get_window_extent(renderer)
    for row, name in enumerate(ROWS):
        middle = axes.transData.transform((0, row))[1]
        assert boxes[name].x1 < image.x0
        assert abs((boxes[name].y0 + boxes[name].y1) / 2 - middle) < 5
    for column, name in enumerate(COLUMNS):
        end = axes.transData.transform((column, 0))[0]
        assert boxes[name].y1 < image.y0
        assert abs(boxes[name].x1 - end) < image.width / 12  # a quarter of a column
    assert all(box.x0 >= 0 and box.y0 >= 0 for box in boxes.values())
    assert len(axes.get_xticks()) == len(axes.get_yticks()) == 0
