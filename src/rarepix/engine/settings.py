"""The sections ``optim`` and ``engine`` of the configuration."""

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator, model_validator

from rarepix.settings import Settings

OPTIMISERS: dict[str, dict[str, float | bool]] = {"adamw": {}, "adam": {}, "sgd": {"momentum": 0.9, "nesterov": False}}
"""Optimiser → its parameters with their defaults."""

SCHEDULES: dict[str, dict[str, float]] = {
    "constant": {"warmup": 0},
    "poly": {"power": 0.9, "min_lr": 0.0, "warmup": 0},
    "cosine": {"min_lr": 0.0, "warmup": 0},
    "step": {"every": 10, "factor": 0.1, "warmup": 0},
    "plateau": {"factor": 0.5, "patience": 3, "min_lr": 0.0},
}
"""Schedule of the learning rate → its parameters with their defaults."""


class OptimConfig(Settings):
    """Optimiser and learning-rate schedule. A parameter that is not given is None; ``parameters`` has its default."""

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    """adamw: Adam with weight decay apart from the gradient; adam: with weight decay in the gradient (L2); sgd."""
    lr: PositiveFloat = 1e-3
    """Learning rate of decoder and head at the start."""
    encoder_ratio: float = Field(1.0, ge=0)
    """The encoder's learning rate as a share of ``lr``."""
    weight_decay: float = Field(1e-4, ge=0)
    """Not applied to biases and normalisation."""
    momentum: float | None = Field(None, ge=0, lt=1)
    """sgd (default 0.9)."""
    nesterov: bool | None = None
    """sgd: look ahead by the momentum (default false)."""
    schedule: Literal["constant", "poly", "cosine", "step", "plateau"] = "poly"
    """plateau: lower the rate when the objective on the validation part no longer rises. The others are functions of
    the step, and do not look at it."""
    power: PositiveFloat | None = None
    """poly: exponent (default 0.9)."""
    min_lr: float | None = Field(None, ge=0)
    """poly, cosine: the rate at the end; plateau: the lowest one (default 0). The encoder's is its share of it."""
    every: PositiveInt | None = None
    """step: epochs after which the rate is multiplied by ``factor``, again and again (default 10)."""
    factor: float | None = Field(None, gt=0, lt=1)
    """step, plateau: what the rate is multiplied by (default 0.1, 0.5)."""
    patience: NonNegativeInt | None = None
    """plateau: validations without a rise that are waited for; the rate falls with the next one (default 3)."""
    warmup: NonNegativeInt | None = None
    """All but plateau: epochs in which the rate rises from ``min_lr`` or 0, until it meets the schedule (default 0)."""

    @model_validator(mode="after")
    def _parameters_belong_to_what_is_chosen(self) -> "OptimConfig":
        for discriminator, table in (("name", OPTIMISERS), ("schedule", SCHEDULES)):
            choice = getattr(self, discriminator)
            for key in dict.fromkeys(name for parameters in table.values() for name in parameters):
                if getattr(self, key) is not None and key not in table[choice]:
                    owners = " or ".join(owner for owner, parameters in table.items() if key in parameters)
                    raise ValueError(
                        f"optim.{key} belongs to optim.{discriminator} {owners}, but that is {choice!r}: "
                        f"leave optim.{key} out, or set it to null"
                    )
        return self

    @model_validator(mode="after")
    def _rates_and_momentum_go_together(self) -> "OptimConfig":
        if (self.min_lr or 0.0) > self.lr:
            raise ValueError(f"optim.min_lr must be at most optim.lr = {self.lr}, but got {self.min_lr}")
        if self.nesterov and self.momentum == 0:
            raise ValueError("optim.nesterov looks ahead by optim.momentum, which must be above 0, but got 0")
        return self

    def parameters(self, discriminator: Literal["name", "schedule"]) -> dict[str, Any]:
        """Return the parameters of the optimiser (*discriminator* name) or of the schedule, defaults filled in."""
        table = OPTIMISERS if discriminator == "name" else SCHEDULES
        defaults = table[getattr(self, discriminator)]
        return defaults | {key: value for key, value in self if key in defaults and value is not None}


class EngineConfig(Settings):
    """How long and on what a trial trains."""

    epochs: PositiveInt = 30
    batch_size: PositiveInt = 8
    """Images of one step, of all devices together."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """auto: a GPU if there is one; gpu: an error if there is none."""
    devices: PositiveInt = 1
    """GPUs of one trial, one process each (without a GPU: processes on CPU cores), which share each batch equally: the
    same images in the same order with the same augmentation as on one device. Each device computes the loss of its own
    share, and the gradient is the mean over the devices (DistributedDataParallel): a loss that is a ratio over the
    batch, such as Dice, or one that averages over pixels that are not ignored, differs from that of the whole batch.
    Batch normalisation uses the statistics of the whole batch on GPUs, and of each process's share on CPUs. Validation
    and test count every image exactly once."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 autocast where the hardware has it."""
    channels_last: bool = True
    threads: NonNegativeInt = 0
    """CPU threads of one trial; 0: all cores. Set it where several trials share one CPU."""
    validate_every: PositiveInt = 1
    """Epochs between validations."""
    patience: NonNegativeInt = 0
    """Validations without a gain of ``min_delta`` after which training ends; 0: never."""
    min_delta: float = Field(0.0, ge=0)
    tensorboard: bool = True
    progress: Literal["auto", "on", "off"] = "auto"
    """Progress bar; auto: if the output is a terminal."""

    @field_validator("progress", mode="before")
    @classmethod
    def _accept_booleans_that_yaml_makes_of_on_and_off(cls, progress: object) -> object:
        return {True: "on", False: "off"}[progress] if isinstance(progress, bool) else progress

    @model_validator(mode="after")
    def _devices_share_a_batch(self) -> "EngineConfig":
        if self.batch_size % self.devices:
            raise ValueError(
                f"engine.batch_size must be a multiple of engine.devices = {self.devices}, but got {self.batch_size}: "
                f"devices share a batch equally; use {-(-self.batch_size // self.devices) * self.devices}, or others"
            )
        return self
