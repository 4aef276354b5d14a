"""Measure a paste on arrays in memory, on one thread.

    python -m bench.paste                  # 512×512, a few seconds
    python -m bench.paste --size 1024

paste:  region, ignored margin and protected pixels, into an image of --size; without the warp of the region, which is
        measured beside it
copy:   a plain copy of image and mask, which every paste contains
loop:   a Python loop over the pixels of a smaller region, scaled to as many pixels
"""

import argparse
import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np

from rarepix.data.transforms.copypaste import Cutout, paste_region, warp
from rarepix.seeding import generator

SHARES = (0.01, 0.1, 0.6)
"""Of the image's pixels that the region has."""
LOOPED = 64
"""Rows and columns of the region that the loop pastes."""
IGNORE, BACKGROUND, DONOR, PROTECTED = 255, 0, 1, 2


def main() -> None:
    """Draw, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.paste", description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512, help="rows and columns of the image")
    parser.add_argument("--repeats", type=int, default=200, help="pastes that are counted")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    image, mask = _scene(given.size)
    protected = mask == PROTECTED
    copy = _milliseconds(lambda: (image.copy(), mask.copy()), given.repeats)
    print(_line(f"copy {given.size}×{given.size}", copy))
    for share in SHARES:
        cutout = _disc(round((share * given.size**2) ** 0.5))
        side = cutout.region.shape[0]
        at = (given.size - side) // 2
        paste = _milliseconds(lambda c=cutout, at=at: _paste(image, mask, c, at, protected), given.repeats)
        warped = _milliseconds(lambda c=cutout: warp(c, flip=True, scale=1.0, degrees=10.0), given.repeats)
        ratio = statistics.median(paste) / statistics.median(copy)
        loop = _loop_of(int(np.count_nonzero(cutout.region)), image, mask)
        print(
            _line(f"paste of {side}×{side}", paste), f"; {ratio:.1f} copies, 1/{loop / statistics.median(paste):.0f} "
        )
        print(f"    of a loop ({loop:.0f} ms); {_line('warp', warped)}")


def _paste(image: np.ndarray, mask: np.ndarray, cutout: Cutout, at: int, protected: np.ndarray) -> None:
    paste_region(
        image, mask, cutout.patch, cutout.region, DONOR, at, at, ignore_margin=3, ignore=IGNORE, protected=protected
    )


def _loop_of(pixels: int, image: np.ndarray, mask: np.ndarray) -> float:
    """Return milliseconds that a loop over *pixels* pixels would take."""
    cutout = _disc(LOOPED)
    looped = int(np.count_nonzero(cutout.region))
    times = _milliseconds(lambda: _paste_by_loop(image.copy(), mask.copy(), cutout), 5)
    return statistics.median(times) * pixels / looped


def _paste_by_loop(image: np.ndarray, mask: np.ndarray, cutout: Cutout) -> None:
    for row, column in zip(*np.nonzero(cutout.region), strict=True):
        if mask[row, column] != PROTECTED:
            image[row, column] = cutout.patch[row, column]
            mask[row, column] = DONOR


def _scene(size: int) -> tuple[np.ndarray, np.ndarray]:
    random = generator(0, "bench", "paste")
    image = random.integers(0, 256, (size, size, 3), dtype=np.uint8)
    mask = np.full((size, size), BACKGROUND, np.uint8)
    mask[: size // 4, : size // 3] = PROTECTED
    return image, mask


def _disc(side: int) -> Cutout:
    across = np.linspace(-1, 1, side)
    region = across[:, None] ** 2 + across**2 <= 1
    return Cutout(np.full((side, side, 3), 200, np.uint8), region, (0.5, 0.5))


def _milliseconds(work: Callable[[], object], repeats: int) -> list[float]:
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1e3)
    return times


def _line(name: str, times: list[float]) -> str:
    spread = f"min {min(times):.3f}, max {max(times):.3f}, n = {len(times)}"
    return f"{name}: {statistics.median(times):.3f} ms ({spread})"


if __name__ == "__main__":
    main()
