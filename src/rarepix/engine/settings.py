"""The sections ``optim`` and ``engine`` of the configuration."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator, model_validator

from rarepix.settings import Settings


class OptimConfig(Settings):
    """Optimiser and learning-rate schedule."""

    name: Literal["adamw", "sgd"] = "adamw"
    lr: PositiveFloat = 1e-3
    """Learning rate of decoder and head at the start."""
    encoder_ratio: float = Field(1.0, ge=0)
    """The encoder's learning rate as a share of ``lr``."""
    weight_decay: float = Field(1e-4, ge=0)
    """Not applied to biases and normalisation."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """sgd only."""
    schedule: Literal["constant", "poly", "cosine"] = "poly"
    power: PositiveFloat = 0.9
    """Exponent of ``poly``."""


class EngineConfig(Settings):
    """How long and on what a trial trains."""

    epochs: PositiveInt = 30
    batch_size: PositiveInt = 8
    """Images of one step, over all devices together."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """auto: a GPU if there is one; gpu: an error if there is none."""
    devices: PositiveInt = 1
    """GPUs of one trial, a process each (without a GPU: processes), that share each batch equally. Images, their order
    and augmentation, the loss and batch normalisation are those of the whole batch, so that the trial is the same on
    any number (but for rounding, and the dice of dropout). Training images must be cropped, or of one size."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 autocast where the hardware has it."""
    channels_last: bool = True
    threads: NonNegativeInt = 0
    """CPU threads of one trial; 0: all cores. Several trials on one CPU want their share each."""
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
    def _yaml_takes_on_and_off_for_booleans(cls, progress: object) -> object:
        return {True: "on", False: "off"}[progress] if isinstance(progress, bool) else progress

    @model_validator(mode="after")
    def _devices_share_a_batch(self) -> "EngineConfig":
        if self.batch_size % self.devices:
            raise ValueError(
                f"engine.batch_size must be a multiple of engine.devices = {self.devices}, but got {self.batch_size}: "
                f"devices share a batch equally; use {-(-self.batch_size // self.devices) * self.devices}, or others"
            )
        return self
