"""The module of every named loss: a weighted sum of terms, with checked input, computed in full precision."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rarepix.labels import Task
from rarepix.losses.batch import Batch, SoftmaxBatch
from rarepix.losses.checks import check_ids, check_logits, check_result, check_shapes, masks_of, presences_of
from rarepix.losses.fused import Needs
from rarepix.losses.names import needs_of
from rarepix.losses.parameters import SumParameters
from rarepix.losses.registry import TERMS
from rarepix.losses.sigmoid_batch import SigmoidBatch, SoftBatch
from rarepix.models.outputs import SegOutput, Target


class Labels(NamedTuple):
    """What a loss knows about the target."""

    task: Task
    classes: int
    """Channels C."""
    ignore_index: int
    background: int | None
    """Channel of the background; only multiclass tasks may have one."""
    scale: int = 1
    """The value in a mask that means 1 (``LabelSpace.scale``): 254 where masks are soft."""


class Loss(nn.Module):
    """The first term plus alpha times each further one.

    ``set_epoch`` sets the epoch for schedules of alpha; without it, alpha is that of the first epoch.
    """

    def __init__(
        self,
        name: str,
        labels: Labels,
        parameters: Mapping[str, Any],
        tensors: Mapping[str, Tensor | None],
        *,
        check_values: bool,
    ) -> None:
        """Take all *parameters* of the named loss; those that are tensors come in *tensors*."""
        super().__init__()
        self.name, self.task, self.classes, self.ignore_index, self.background, self.scale = (name, *labels)
        self.check_values, self.params, self.epoch = check_values, dict(parameters), 0
        self.terms = tuple(name.split("+"))
        self.needs, self.compares = needs_of(name, parameters), needs_of(name)
        self.published = bool(parameters.get("published"))
        temperature = parameters.get("temperature", 1)
        rows = [TERMS[term] for term in self.terms]
        self._softmax_needs = Needs(
            sums=any(row.needs_sums or (row.is_marginal and temperature == 1) for row in rows),
            uniform_ce=parameters.get("label_smoothing", 0) > 0,
            temperature=None if temperature == 1 else temperature,
        )
        for key, tensor in tensors.items():
            self.register_buffer(key, tensor, persistent=False)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0."""
        if epoch < 0:
            raise ValueError(f"epoch must be 0 or more, but got {epoch}")
        self.epoch = epoch

    def alphas(self) -> tuple[float, ...]:
        """Return the weights of the further terms in this epoch."""
        further = len(self.terms) - 1
        if not further:
            return ()
        shape = {key: self.params[key] for key in SumParameters.model_fields if key in self.params}
        values = (shape.pop("schedule"), shape.pop("alpha"))
        each = (value if isinstance(value, tuple) else (value,) * further for value in values)
        return tuple(alpha_at(self.epoch, *pair, **shape) for pair in zip(*each, strict=True))

    def forward(self, output: SegOutput | Tensor, target: Target | Tensor) -> dict[str, Tensor]:
        """Return ``{"loss": scalar with gradient, term: scalar without, …}``, the terms before their weights.

        Args:
            output: of the network. A plain tensor is the logits of masks, N C H W or N C D H W.
            target: of the batch. A plain tensor is the masks. Multiclass: ids N H W; binary: 0 and 1, N H W or N 1 H W;
                multilabel: 0 and 1, N C H W (3-D: D H W); soft masks: from 0 to the scale. What equals
                ``ignore_index`` does not count. A batch without anything else gives 0.

        Raises:
            LossError: an output or a target without what a term compares (``needs``), shapes or a type that do not fit;
                with ``check_values`` also ids that are no class and logits that are not finite; a published form that
                is not finite.
        """
        needs = self.compares if _have_presence(output, target) else self.needs
        pairs = {need: self._pair(need, output, target) for need in needs}
        with torch.autocast(next(iter(pairs.values()))[0].device.type, enabled=False):
            batches = {need: self._batch(need, *pair) for need, pair in pairs.items()}
            values = [self._term(term, batches) for term in self.terms]
            total = sum((alpha * value for alpha, value in zip(self.alphas(), values[1:], strict=True)), values[0])
        result = {"loss": total, **{term: value.detach() for term, value in zip(self.terms, values, strict=True)}}
        if self.check_values or self.published:
            check_result(result, published=self.published)
        return result

    def _pair(self, need: str, output: SegOutput | Tensor, target: Target | Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits and the target that terms with this need compare."""
        if need == "presence":
            logits, truth = presences_of(output, target, self.name)
            logits, truth = logits.unsqueeze(-1), truth.unsqueeze(-1)
        else:
            logits, truth = masks_of(output, target, self.name)
            check_shapes(logits, truth, task=self.task, classes=self.classes)
        if self.check_values:
            check_logits(logits)
        return logits if logits.dtype == torch.float64 else logits.float(), truth

    def _batch(self, need: str, logits: Tensor, target: Tensor) -> Batch:
        shared: dict[str, Any] = {"ignore_index": self.ignore_index, "published": self.published}
        what, highest, scale = str(self.task), 1, self.scale
        if need == "presence":
            what, scale, batch = need, 1, SigmoidBatch(Task.MULTILABEL, logits, target, **shared)
        elif self.task is Task.MULTICLASS:
            highest = self.classes - 1
            batch = SoftmaxBatch(logits, target, background=self.background, needs=self._softmax_needs, **shared)
        elif scale == 1:
            batch = SigmoidBatch(self.task, logits, target, **shared)
        else:
            batch = SoftBatch(self.task, logits, target, ignore_index=self.ignore_index, scale=scale)
        if self.check_values:
            check_ids(batch.target, what=what, highest=highest, ignore_index=self.ignore_index, scale=scale)
        return batch

    def _term(self, term: str, batches: Mapping[str, Batch]) -> Tensor:
        row = TERMS[term]
        batch = batches[row.needs]
        keys = [*row.parameters.model_fields, *(["class_pixels"] if row.class_pixels else [])]
        keys = [key for key in keys if key in self.params or key in self._buffers]  # without what has no effect
        function = row.published if self.published else row.function
        further = {"presence_batch": batches.get("presence")} if row.presence else {}
        return function(batch, **further, **{key: self._parameter(key, batch) for key in keys})

    def _parameter(self, key: str, batch: Batch) -> Any:
        if key not in self._buffers:
            return self.params[key]
        tensor = self._buffers[key]
        return None if tensor is None else tensor.to(batch.logits)

    def extra_repr(self) -> str:
        """Return name, task and parameters, for ``repr``."""
        return f"{self.name}, {self.task}, classes={self.classes}, {self.params}"


def _have_presence(output: SegOutput | Tensor, target: Target | Tensor) -> bool:
    return not any(isinstance(given, Tensor) or given.presence is None for given in (output, target))


def alpha_at(epoch: int, schedule: str, alpha: float, **parameters: float) -> float:
    """Return the weight of a term in an epoch, counted from 0: of the epoch alone, so that a resumed run keeps it.

    linear, cosine: alpha times a share that rises from ``start`` to 1 within ``over`` epochs.
    """
    if schedule == "step":
        return _stepped(alpha, epoch, **parameters)
    if schedule == "constant":
        return alpha
    start, progress = parameters["start"], min(epoch / parameters["over"], 1)
    if schedule == "cosine":
        progress = (1 - math.cos(math.pi * progress)) / 2
    return alpha * (start + (1 - start) * progress)


def _stepped(alpha: float, epoch: int, *, every: int, factor: float, limit: float, **_: float) -> float:
    """Return alpha, multiplied by *factor* after each *every* epochs, at most *limit*."""
    steps = epoch // every
    if not steps or not alpha:
        return alpha
    if factor > 1 and steps * math.log(factor) > math.log(limit) - math.log(alpha):
        return limit  # factor ** steps itself may overflow
    return min(alpha * factor**steps, limit)
