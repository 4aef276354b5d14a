"""The configuration of a trial: its sections, and how they are read from plain values.

Keys are dotted and the same everywhere: in recipes, ``--set``, search spaces, records and reports.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import Field, ValidationError, model_validator

from rarepix.data.settings import DataConfig, SamplingConfig
from rarepix.data.transforms.settings import AugmentConfig, CropConfig, PasteConfig
from rarepix.engine.settings import EngineConfig, OptimConfig
from rarepix.losses.settings import LossConfig
from rarepix.metrics.settings import EvaluateConfig, GateConfig
from rarepix.models.settings import ModelConfig
from rarepix.settings import ConfigError, Settings, explain


class TrialConfig(Settings):
    """Everything that a trial needs to know."""

    recipe: str = ""
    """Name or file of the recipe that this came from."""
    seed: int = Field(0, ge=0, lt=2**32)
    data: DataConfig
    sampling: SamplingConfig = SamplingConfig()
    crop: CropConfig = CropConfig()
    paste: PasteConfig = PasteConfig()
    augment: AugmentConfig = AugmentConfig()
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    optim: OptimConfig = OptimConfig()
    engine: EngineConfig = EngineConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    gate: GateConfig = GateConfig()

    @model_validator(mode="after")
    def _check_stride(self) -> "TrialConfig":
        stride = self.model.network.stride
        for key, size in (("crop.size", self.crop.size), ("evaluate.window", self.evaluate.window)):
            if size and any(side % stride for side in size):
                valid = [max(stride, round(side / stride) * stride) for side in size]
                raise ValueError(
                    f"{key}: rows and columns must be multiples of {stride} with model.architecture="
                    f"{self.model.architecture!r}, for instance {valid}, but got {list(size)}"
                )
        return self

    @model_validator(mode="after")
    def _check_outputs(self) -> "TrialConfig":
        """The network says what the loss compares, and nothing that no term would train."""
        gives, needs, compares = self.model.network.outputs, self.loss.needs, self.loss.compares
        network = (
            f"the network (model.architecture={self.model.architecture!r}, model.presence={self.model.presence!r})"
        )
        if not set(needs) <= set(gives):
            remedy = "an architecture that gives masks"
            if "mask" in gives:
                without = ", or loss.presence_weight=0" if self.loss.parameters().get("presence_weight") else ""
                remedy = f"a network that gives both, such as model.presence=encoder{without}"
            raise ValueError(
                f"loss.name={self.loss.name!r} compares {' and '.join(needs)}, but {network} gives "
                f"{' and '.join(gives)}: use another loss, or {remedy}"
            )
        if not set(gives) <= set(compares):
            raise ValueError(
                f"{network} gives {' and '.join(gives)}, but loss.name={self.loss.name!r} compares only "
                f"{' and '.join(compares)}, so that nothing would train the rest: use a loss such as ce+presence_bce "
                f"(loss.alpha may be 0), or a network without that head"
            )
        return self

    @model_validator(mode="after")
    def _check_gate(self) -> "TrialConfig":
        asks, gives = self.gate.kind.split("+"), self.model.network.outputs
        for output, names in (("presence", ("presence",)), ("mask", ("pixels", "area"))):
            asked = [name for name in names if name in asks and output not in gives]
            if asked:
                what = "has no presence head" if output == "presence" else "predicts no masks"
                advice = "add one with model.presence" if output == "presence" else "use gate.kind=presence"
                raise ValueError(
                    f"gate.kind={self.gate.kind!r} asks for {' and '.join(asked)}, but the network "
                    f"(model.architecture={self.model.architecture!r}, model.presence={self.model.presence!r}) {what}: "
                    f"{advice}, or use another gate"
                )
        return self

    @model_validator(mode="after")
    def _check_epochs(self) -> "TrialConfig":
        warmup = self.optim.given("schedule").get("warmup", 0)
        if warmup > self.engine.epochs:
            raise ValueError(f"optim.warmup must be at most engine.epochs = {self.engine.epochs}, but got {warmup}")
        if self.engine.validate_every > self.engine.epochs:
            raise ValueError(
                f"engine.validate_every must be at most engine.epochs = {self.engine.epochs}, "
                f"but got {self.engine.validate_every}: without a validation there is no objective"
            )
        return self


C = TypeVar("C", bound=TrialConfig)


def build_config(tree: Mapping[str, Any], kind: type[C] = TrialConfig) -> C:
    """Return the configuration that nested plain values stand for, such as those of a record.

    *kind* is that of the trial's plan, which may have sections of its own.

    Raises:
        ConfigError: no trial can be run with it.
    """
    try:
        return kind(**tree)
    except ValidationError as error:
        raise ConfigError(explain(error, kind)) from None


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the leaves of nested mappings by dotted key: ``{"a": {"b": 1}}`` gives ``{"a.b": 1}``."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
