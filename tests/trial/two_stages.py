"""A plan of two trainings, to see what trials do with one: the second refines the network of the first, more slowly.

python -m tests.trial.two_stages --recipe tiny.yaml        # its script, as those in trials/ are
"""

import sys
from functools import partial

from pydantic import PositiveFloat, PositiveInt

from rarepix.cli import trial
from rarepix.config import TrialConfig
from rarepix.settings import Settings
from rarepix.trial.plan import Plan, Stages, stage_config
from rarepix.trial.plans import PLANS
from rarepix.trial.stage_result import StageResult

NAME = "two_stages"
MOST_EPOCHS = 50


class RefineConfig(Settings):
    """The section ``refine``: what is different in the second training."""

    lr: PositiveFloat = 0.002
    epochs: PositiveInt = 3


class TwoStageConfig(TrialConfig):
    """A trial's configuration, with a section of the plan's own."""

    refine: RefineConfig = RefineConfig()


def stages(config: TwoStageConfig) -> dict[str, TrialConfig]:
    """Return the configurations of both trainings; the second has another loss, too."""
    second = {"optim.lr": config.refine.lr, "engine.epochs": config.refine.epochs, "loss.name": "focal"}
    return {"coarse": stage_config(config), "refine": stage_config(config, second)}


def run(stages: Stages) -> StageResult:
    """Train the first network, then refine it."""
    coarse = stages.train("coarse")
    return stages.train("refine", initial_weights=coarse.checkpoint)


def check(config: TwoStageConfig) -> None:
    """Refuse a refinement that is not to be waited for."""
    if config.refine.epochs > MOST_EPOCHS:
        raise ValueError(f"refine.epochs must be at most {MOST_EPOCHS}, but got {config.refine.epochs}")


PLAN = Plan(description="Train a network, then refine it.", config=TwoStageConfig, stages=stages, run=run, check=check)

main = partial(trial.main, NAME)

if __name__ == "__main__":
    from tests.trial.two_stages import PLAN as IMPORTED  # under the name by which other processes know it

    PLANS[NAME] = IMPORTED
    sys.exit(main())
