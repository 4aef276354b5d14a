"""The picture of the architecture: floors and rooms, with the imports between them as they are in the code."""

import ast
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from rarepix.files import replacing

SOURCE = Path(__file__).parents[2] / "src" / "rarepix"
FLOORS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("6  entrances", ("cli",)),
    (
        "5  studies",
        ("search.studies", "search.checks", "search.remote", "search.advisor", "search.nni", "search.optimizer"),
    ),
    ("4  one trial", ("starter", "trial")),
    ("3  wiring", ("evaluation", "wiring", "config_data_checks", "inference", "config")),
    ("2  ground rooms", ("data", "losses", "models", "metrics", "engine", "viz")),
)
"""Floor and its rooms; on floors 3 to 6 an import goes from left to right or down."""
SHARED = ("models", "outputs")
"""The types that ground rooms pass on: a file, not a room, which would only add an arrow from every room."""
ANALYSIS = "analysis/  →"
"""Stands beside the house and imports the foundation alone."""
FOUNDATION = (
    "1  foundation: labels · records · record_sums · layout · scores · choices · seeding · paths · files · settings · "
    "nni_database"
)
INK, PALE, FILL, PAPER = "#1a1a1a", "#9aa3ad", "#e8f1f8", "white"
WIDTH, HEIGHT, ROOM_WIDTH, ROOM_HEIGHT = 12.0, 7.4, 1.55, 0.62


def arrows() -> dict[tuple[str, str], int]:
    """Return (room, room that it imports) → number of files that do, rooms of floors 2 to 6."""
    rooms = {room for _, members in FLOORS for room in members}
    count: dict[tuple[str, str], int] = {}
    for file in SOURCE.rglob("*.py"):
        own = _room(("rarepix", *file.relative_to(SOURCE).with_suffix("").parts), rooms)
        if own is None:
            continue
        nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        named = [
            f"{node.module}.{name.name}" for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names
        ]
        for other in {_room(tuple(name.split(".")), rooms) for name in named if name.startswith("rarepix.")} - {
            None,
            own,
        }:
            count[own, other] = count.get((own, other), 0) + 1
    return count


def _room(parts: tuple[str, ...], rooms: set[str]) -> str | None:
    if parts[1:3] == SHARED:
        return None
    inner = ".".join(parts[1:3])
    return inner if inner in rooms else parts[1] if len(parts) > 1 and parts[1] in rooms else None


def draw(path: Path) -> None:
    """Draw floors from the top down, rooms as boxes, imports as arrows (wider: more files)."""
    figure = Figure(figsize=(WIDTH, HEIGHT), facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    axes.axis("off")
    _draw_arrows(axes, _draw_rooms(axes))
    axes.text(2.1, 0.42, FOUNDATION, ha="left", va="center", fontsize=10.5, color=INK)
    axes.text(0.15, 0.42, ANALYSIS, ha="left", va="center", fontsize=10.5, color=INK, weight="bold")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=130, format="png")


def _draw_rooms(axes: Axes) -> dict[str, tuple[float, float]]:
    """Draw the boxes and return the centre of each."""
    centres: dict[str, tuple[float, float]] = {}
    for level, (title, rooms) in enumerate(FLOORS):
        y = HEIGHT - 0.75 - level * 1.3
        axes.text(0.15, y, title, fontsize=11, va="center", color=INK, weight="bold")
        for position, room in enumerate(rooms):
            x = 2.9 + (position + (6 - len(rooms)) / 2) * (ROOM_WIDTH + 0.05)
            centres[room] = (x, y)
            box = FancyBboxPatch(
                (x - ROOM_WIDTH / 2 + 0.08, y - ROOM_HEIGHT / 2),
                ROOM_WIDTH - 0.16,
                ROOM_HEIGHT,
                boxstyle="round,pad=0.02,rounding_size=0.08",
                facecolor=FILL,
                edgecolor=INK,
                linewidth=0.9,
                zorder=3,
            )
            axes.add_patch(box)
            axes.text(
                x, y, room.replace("search.", "search/\n"), ha="center", va="center", fontsize=9, color=INK, zorder=4
            )
    return centres


def _draw_arrows(axes: Axes, centres: dict[str, tuple[float, float]]) -> None:
    for (own, other), files in sorted(arrows().items()):
        (x0, y0), (x1, y1) = centres[own], centres[other]
        beside = y0 == y1
        start, end = (x0, y0 + ROOM_HEIGHT / 2), (x1, y1 + ROOM_HEIGHT / 2)
        if not beside:
            start = (x0, y0 - ROOM_HEIGHT / 2)
        style = f"arc3,rad={-0.35 if beside else 0.0}"
        axes.add_patch(
            FancyArrowPatch(
                start,
                end,
                arrowstyle="-|>",
                mutation_scale=9,
                connectionstyle=style,
                color=PALE,
                linewidth=0.5 + 0.25 * min(files, 8),
                shrinkA=1,
                shrinkB=1,
                zorder=2,
            )
        )
