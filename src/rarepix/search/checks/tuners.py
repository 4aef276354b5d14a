"""NNI's own tuners and assessors: which work today, and what to use instead of the others."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from rarepix.choices import nearest

WORKING_TUNERS = {
    "Random": "seeded by classArgs.seed",
    "GridSearch": "every combination of choices; ranges are halved for as long as trials are left",
    "TPE": "learns from finished trials; with more than one trial at a time only under rarepix study",
    "Evolution": "mutates the best of a population",
    "PBT": "copies the weights of the best; no nested choices",
}
"""Name → what it does, of the tuners that were seen to work."""

BROKEN_TUNERS = {
    "Anneal": ("needs hyperopt 0.1.2, which needs numpy < 2", "TPE"),
    "TPE_legacy": ("needs hyperopt 0.1.2, which needs numpy < 2", "TPE"),
    "GP": ("fails with today's numpy and scipy", "the OptunaAdvisor with sampler: gp"),
    "Metis": ("fails with today's scipy, and knows neither log scales nor text", "TPE"),
    "SMAC": ("cannot be installed on Python 3.11 or later", "TPE"),
    "Hyperband": ("ends after two trials in nni 3.0", "the OptunaAdvisor with pruner: hyperband"),
    "BOHB": ("ends after two trials in nni 3.0", "the OptunaAdvisor with sampler: tpe and pruner: hyperband"),
    "DNGO": ("needs pybnn, which rarepix does not install", "TPE"),
    "NetworkMorphism": ("searches architectures, not configurations", "TPE"),
    "PPO": ("searches architectures, not configurations", "TPE"),
    "RegularizedEvolutionTuner": ("searches architectures, not configurations", "Evolution"),
    "Batch": ("wants one key combine_params, which no configuration has", "GridSearch"),
}
"""Name → why it cannot be used here, and what to use instead."""

OURS = ("rarepix.search.advisor.OptunaAdvisor",)
ASSESSORS = ("Medianstop", "Curvefitting")

MINIMISES_UNLESS_TOLD = ("TPE",)


def tuner_problems(tuner: dict[str, Any], space: dict[str, Any], folder: Path) -> list[str]:
    """Return what is wrong with a study's tuner, whose file lies in *folder*, one line per problem."""
    name = tuner.get("name")
    if name is None:
        return _class_problems(tuner, folder)
    table = {known.lower(): known for known in (*WORKING_TUNERS, *BROKEN_TUNERS)}
    known = table.get(name.lower().removesuffix("tuner"), table.get(name.lower()))
    if known is None:
        valid = ", ".join(WORKING_TUNERS)
        return [f"tuner.name: unknown tuner {name!r}: {nearest(name, WORKING_TUNERS)}valid: {valid}"]
    if known in BROKEN_TUNERS:
        why, instead = BROKEN_TUNERS[known]
        return [f"tuner.name: {name} cannot be used: it {why}; use {instead}"]
    found = _direction("tuner", tuner, must_say=known in MINIMISES_UNLESS_TOLD)
    if known == "PBT" and _has_nested_choice(space):
        found.append("tuner.name: PBT must have a search space without nested choices; use TPE or Evolution")
    return found


def _class_problems(tuner: dict[str, Any], folder: Path) -> list[str]:
    """Import a class of the user's own as NNI will; NNI says that it has started, and breaks."""
    name, place = tuner["className"], folder / tuner["codeDirectory"]
    if not place.is_dir():
        return []  # which NNI finds
    module, _, kind = name.rpartition(".")
    script = f"import importlib; getattr(importlib.import_module({module!r}), {kind!r})"
    done = subprocess.run([sys.executable, "-c", script], cwd=place, capture_output=True, text=True, check=False)
    if not done.returncode:
        return []
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return [
        f"tuner.className must be a class that can be imported in {place}, but {name}: {last}: {nearest(name, OURS)}"
        f"{OURS[0]} is ours"
    ]


def assessor_problems(assessor: dict[str, Any]) -> list[str]:
    """Return what is wrong with a study's assessor, one line per problem."""
    name = assessor.get("name")
    if name is None:
        return []
    if name.lower() not in [known.lower() for known in ASSESSORS]:
        return [f"assessor.name: unknown assessor {name!r}: {nearest(name, ASSESSORS)}valid: {', '.join(ASSESSORS)}"]
    return _direction("assessor", assessor, must_say=False)


def _direction(part: str, algorithm: dict[str, Any], must_say: bool) -> list[str]:
    """The objective is a score, so everything has to maximise it."""
    came = (algorithm.get("classArgs") or {}).get("optimize_mode")
    if came == "maximize" or (came is None and not must_say):
        return []
    said = "nothing, which means minimize" if came is None else repr(came)
    return [f"{part}.classArgs.optimize_mode must be maximize (the objective is a score), but got {said}"]


def _has_nested_choice(space: dict[str, Any]) -> bool:
    choices = [spec["_value"] for spec in space.values() if spec["_type"] == "choice"]
    return any(isinstance(value, dict) for values in choices for value in values)
