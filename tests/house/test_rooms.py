"""The house: arrows go down between floors and between the rooms of a floor; there is no circle."""

import ast

from tests.house.source import imports, libraries, modules, ours, tree

FOUNDATION = (
    *("labels", "records", "record_splits", "record_sums", "gates", "layout", "scores", "nni_database", "choices"),
    *("seeding", "paths", "files", "settings"),
)
GROUND = ("data", "losses", "models", "metrics", "engine", "viz")
ROOMS = {
    **dict.fromkeys(FOUNDATION, (1, 0)),
    "models.outputs": (2, 0),  # the types that ground rooms pass on
    **dict.fromkeys(GROUND, (2, 1)),
    "config": (3, 0),
    "inference": (3, 1),
    "config_data_checks": (3, 2),
    "wiring": (3, 3),
    "evaluation": (3, 4),
    "trial": (4, 0),
    "starter": (4, 1),
    "search.optimizer": (5, 0),
    "search.nni": (5, 1),
    "search.advisor": (5, 2),
    "search.remote": (5, 3),
    "search.checks": (5, 4),
    "search.studies": (5, 5),
    "search": (5, 6),
    "cli": (6, 0),
    "__main__": (6, 1),
}
"""Room → its floor and its place there: it may import lower floors, and of its floor the rooms placed before it."""
ANALYSIS_FLOORS = {
    **dict.fromkeys(("reading", "statistics"), 1),
    "study": 2,
    "plots": 3,
    "reporting": 4,
    **dict.fromkeys(("published", "calibration", "__main__"), 5),
}
STUDY_LIBRARIES = {"nni", "optuna"}
IMPORTANCE = "analysis.study.importance"
"""Measures importance with optuna, beside the room of studies."""
HEAVY = {"torch", "torchvision", "lightning", "timm", "segmentation_models_pytorch", "albumentations", "nni", "optuna"}
FILES_OF_SEARCH = 40

PRODUCT = [name for name in modules() if name.startswith("rarepix.")]
ENTRANCES = [name for name in modules() if name.partition(".")[0] == "trials"]
ANALYSIS = [name for name in modules() if name.partition(".")[0] == "analysis"]


def room(name: str) -> str:
    """Return the room of a module of ours: of ``search`` the rooms inside count."""
    _, first, *rest = name.split(".")
    inner = f"{first}.{rest[0]}" if rest else first
    return inner if inner in ROOMS else first


def place(name: str) -> tuple[int, int]:
    """Return floor and place of a module."""
    if name == "rarepix":
        return (0, 0)
    return (7, 0) if name in ENTRANCES else ROOMS[room(name)]


def analysis_floor(name: str) -> int:
    return ANALYSIS_FLOORS[name.split(".")[1]]


def test_there_is_something_to_look_at():
    assert len(PRODUCT) > 40
    assert len(ANALYSIS) > 5
    assert ours("rarepix.trial.stage") >= {"rarepix.layout", "rarepix.wiring"}  # the second only in a function
    assert "rarepix.engine.module" in ours("rarepix.trial.stage")  # only under TYPE_CHECKING
    assert libraries("rarepix.metrics.counts") == {"torch"}
    assert room("rarepix.search.nni.space") == "search.nni"


def test_every_module_has_its_room():
    homeless = [name for name in PRODUCT if room(name) not in ROOMS]
    assert homeless == [], "say in CONTRIBUTING.md and here where these belong"


def test_arrows_go_down():
    up = [
        f"{name} → {other}"
        for name in [*PRODUCT, *ENTRANCES]
        for other in sorted(ours(name))
        if other not in ANALYSIS and name.split(".")[0] in ("rarepix", "trials")
        if place(other) > place(name) or (place(other) == place(name) and room_differs(name, other))
    ]
    assert up == [], "these imports go up, or to another room at the same place"


def room_differs(name: str, other: str) -> bool:
    if name in ENTRANCES or room(name) in FOUNDATION:  # the foundation is one room of many files
        return False
    return room(name) != room(other)


def test_the_configuration_knows_only_the_settings_of_the_rooms():
    of_rooms = {other for name in PRODUCT if room(name) == "config" for other in ours(name) if place(other)[0] == 2}
    assert of_rooms
    assert {other.rpartition(".")[2] for other in of_rooms} == {"settings"}


def test_settings_and_foundation_are_light():
    light = [name for name in PRODUCT if name.endswith(".settings") or room(name) in FOUNDATION]
    heavy = {name: libraries(name) & (HEAVY | {"pandas", "sklearn", "matplotlib"}) for name in light}
    assert {name: found for name, found in heavy.items() if found} == {}


def test_only_the_room_of_studies_knows_nni_and_optuna():
    elsewhere = [name for name in modules() if not name.startswith("rarepix.search")]
    knowing = {name: libraries(name) & STUDY_LIBRARIES for name in elsewhere}
    assert {name: found for name, found in knowing.items() if found} == {IMPORTANCE: {"optuna"}}


def test_the_optimizer_does_not_know_nni_and_only_it_and_the_advisor_know_optuna():
    rooms = {name: room(name) for name in PRODUCT if name.startswith("rarepix.search")}
    assert [name for name, where in rooms.items() if where == "search.optimizer" and "nni" in libraries(name)] == []
    allowed = ("search.optimizer", "search.advisor")
    assert [name for name, where in rooms.items() if where not in allowed and "optuna" in libraries(name)] == []


def test_the_search_is_no_larger_than_it_must_be():
    assert len([name for name in PRODUCT if name.startswith("rarepix.search")]) <= FILES_OF_SEARCH


def test_importance_takes_optuna_only_when_it_is_asked():
    at_import = [node for node in tree(IMPORTANCE).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not any("optuna" in ast.unparse(node) for node in at_import)


def test_the_analysis_reads_records_and_nothing_else_of_ours():
    files = ("gates", "labels", "layout", "nni_database", "record_splits", "record_sums", "records", "scores")
    allowed = {"rarepix", *(f"rarepix.{name}" for name in files)}
    others = {name: {o for o in ours(name) if not o.startswith("analysis")} - allowed for name in ANALYSIS}
    assert {name: found for name, found in others.items() if found} == {}
    heavy = {name: libraries(name) & HEAVY for name in ANALYSIS}
    assert {name: found for name, found in heavy.items() if found} == {IMPORTANCE: {"optuna"}}


def test_arrows_of_the_analysis_go_down():
    up = [
        f"{name} → {other}"
        for name in ANALYSIS
        if name != "analysis"
        for other in sorted(ours(name) & set(ANALYSIS) - {"analysis"})
        if other.split(".")[1] != name.split(".")[1] and analysis_floor(other) >= analysis_floor(name)
    ]
    assert up == [], "these imports go beside or above"


def test_what_runs_trials_does_not_know_the_analysis():
    below = [name for name in PRODUCT if place(name)[0] < 5]
    knowing = {name: {o for o in imports(name) if o.partition(".")[0] in ("analysis", "trials")} for name in below}
    assert {name: found for name, found in knowing.items() if found} == {}


def test_there_is_no_circle():
    """Packages stand for their ``__init__`` alone: what it imports counts, what lies beside it does not."""
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a circle of imports: {' → '.join([*path[path.index(name) :], name])}"
        if name not in done:
            for other in sorted(ours(name) - {name}):
                visit(other, (*path, name))
            done.add(name)

    for name in modules():
        visit(name, ())
