"""The house: an arrow goes down, never up; ground rooms do not know each other; there is no circle."""

import ast

import pytest

from tests.house.source import imports, libraries, modules, ours, tree

FOUNDATION = {"labels", "records", "choices", "seeding", "paths", "settings", "files"}
ROOMS = {"data", "losses", "models", "metrics", "engine"}
FLOORS = {
    **dict.fromkeys(FOUNDATION, 1),
    **dict.fromkeys(ROOMS, 2),
    **dict.fromkeys(("config", "agreement", "wiring", "decisions", "evaluation"), 3),
    **dict.fromkeys(("attempts", "ranks", "trial", "rank"), 4),
    **dict.fromkeys(("search", "self_training"), 5),
    **dict.fromkeys(("cli", "__main__"), 6),
}
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

OF_OURS = [name for name in modules() if name.startswith("rarepix.")]
ENTRANCES = [name for name in modules() if name.partition(".")[0] == "trials"]
ANALYSIS = [name for name in modules() if name.partition(".")[0] == "analysis"]


def room(name: str) -> str:
    return name.split(".")[1]


def floor(name: str) -> int:
    if name == "rarepix":
        return 0
    return 6 if name in ENTRANCES else FLOORS[room(name)]


def test_there_is_something_to_look_at():
    assert len(OF_OURS) > 40
    assert len(ANALYSIS) > 5
    assert ours("rarepix.trial") >= {"rarepix.attempts", "rarepix.wiring"}  # the second only in a function
    assert "rarepix.losses.module" in ours("rarepix.losses")  # only under TYPE_CHECKING
    assert libraries("rarepix.metrics.counts") == {"numpy", "torch"}


@pytest.mark.parametrize("name", OF_OURS)
def test_every_module_has_its_floor(name):
    assert room(name) in FLOORS, f"{name} is on no floor: say in CONTRIBUTING.md and here where it belongs"


@pytest.mark.parametrize("name", [*OF_OURS, *ENTRANCES])
def test_arrows_go_down(name):
    up = sorted(other for other in ours(name) if other not in ANALYSIS and floor(other) > floor(name))
    assert up == [], f"{name} (floor {floor(name)}) must not import from above"


@pytest.mark.parametrize("name", [name for name in OF_OURS if room(name) in ROOMS])
def test_ground_rooms_do_not_know_each_other(name):
    beside = sorted(other for other in ours(name) if floor(other) == 2 and room(other) != room(name))
    assert beside == [], f"{name} must import only from the foundation and from its own room"


def test_the_configuration_knows_only_the_settings_of_the_rooms():
    of_rooms = {other for other in ours("rarepix.config") if floor(other) > 1}
    assert of_rooms
    assert {other.rpartition(".")[2] for other in of_rooms} == {"settings"}


@pytest.mark.parametrize("name", [name for name in OF_OURS if name.endswith(".settings") or room(name) in FOUNDATION])
def test_settings_and_foundation_are_light(name):
    assert libraries(name) & (HEAVY | {"pandas", "sklearn", "matplotlib"}) == set()


@pytest.mark.parametrize("name", [name for name in modules() if not name.startswith("rarepix.search")])
def test_only_the_room_of_studies_knows_nni_and_optuna(name):
    assert libraries(name) & STUDY_LIBRARIES == ({"optuna"} if name == IMPORTANCE else set())


def test_importance_takes_optuna_only_when_it_is_asked():
    at_import = [node for node in tree(IMPORTANCE).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not any("optuna" in ast.unparse(node) for node in at_import)


@pytest.mark.parametrize("name", ANALYSIS)
def test_the_analysis_reads_records_and_nothing_else_of_ours(name):
    others = {other for other in ours(name) if other.partition(".")[0] != "analysis"}
    assert others <= {"rarepix", "rarepix.records", "rarepix.labels"}
    assert libraries(name) & HEAVY == ({"optuna"} if name == IMPORTANCE else set())


@pytest.mark.parametrize("name", [name for name in ANALYSIS if name != "analysis"])
def test_arrows_of_the_analysis_go_down(name):
    own = ANALYSIS_FLOORS[room(name)]
    beside = {other for other in ours(name) if other.startswith("analysis.") and room(other) != room(name)}
    up = sorted(other for other in beside if ANALYSIS_FLOORS[room(other)] >= own)
    assert up == [], f"{name} (floor {own} of the analysis) must not import from beside or above"


@pytest.mark.parametrize("name", [name for name in OF_OURS if FLOORS.get(room(name), 6) < 5])
def test_what_runs_trials_does_not_know_the_analysis(name):
    assert not {other for other in imports(name) if other.partition(".")[0] in ("analysis", "trials")}


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
