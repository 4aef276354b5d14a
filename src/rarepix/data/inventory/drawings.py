"""What is worth telling about masks that are drawn from objects: pixels that several claim, objects that are cut."""

from collections.abc import Mapping, Sequence

from rarepix.data.drawn import RULE, Drawable
from rarepix.data.inventory.problems import Problem, ProblemKind
from rarepix.data.inventory.threads import in_threads
from rarepix.data.source import Item, Size, first_of


def tell_drawings(items: Sequence[Item], sizes: Mapping[str, Size]) -> list[Problem]:
    """Return one line about the pixels that objects of several classes claim, and one about objects that are cut.

    *items* must have masks that can be read; *sizes* are rows and columns of their images.
    """
    drawn = [item for item in items if isinstance(item.mask, Drawable)]
    drawings = in_threads(lambda item: item.mask.draw(sizes[item.id])[1:], drawn)
    overlapping, clipped = {}, {}
    for item, (pixels, objects) in zip(drawn, drawings, strict=True):
        overlapping |= {item.id: pixels} if pixels else {}
        clipped |= {item.id: objects} if objects else {}
    told = []
    if overlapping:
        message = (
            f"{sum(overlapping.values())} pixels in {len(overlapping)} of {len(drawn)} images are of several classes "
            f"({first_of([*overlapping], 5)}): {RULE}"
        )
        told.append(Problem(ProblemKind.OVERLAP, next(iter(overlapping)), message))
    if clipped:
        message = (
            f"{sum(clipped.values())} objects in {len(clipped)} of {len(drawn)} images reach more than a pixel beyond "
            f"their image ({first_of([*clipped], 5)}): what lies outside is cut off"
        )
        told.append(Problem(ProblemKind.CLIPPED, next(iter(clipped)), message))
    return told
