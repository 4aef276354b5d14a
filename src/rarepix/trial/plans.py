"""The plans by name. ``trials/<plan>.py`` is the script of a plan."""

from rarepix.choices import pick
from rarepix.config import TrialConfig
from rarepix.trial.plan import Plan
from rarepix.trial.two_stage import TWO_STAGE


def _only_stage(config: TrialConfig) -> dict[str, TrialConfig]:
    return {"segment": config}


PLANS: dict[str, Plan] = {
    "segment": Plan(description="Train one segmentation network and leave its record.", stages=_only_stage),
    "two_stage": TWO_STAGE,
}


def find_plan(name: str) -> Plan:
    """Return the plan of that name.

    Raises:
        ChoiceError: there is none; the message names the nearest one.
    """
    return pick(PLANS, name, "plan")
