"""The weights that a training begins with: of a package, or of a file of timm, torchvision, smp or the project itself.

A file is refused unless it holds nearly all of the encoder, and hardly anything of a larger one. What it holds of the
decoder and the heads is taken where name and shape agree.
"""

from collections.abc import Iterable, Mapping

import torch
from timm.models import adapt_input_conv
from torch import Tensor, nn

from rarepix.files import sha256
from rarepix.models.encoders import named_fetch_errors
from rarepix.models.imagenet import imagenet_state, packaged_network
from rarepix.models.settings import ModelConfig
from rarepix.models.weight_files import WeightsError, read_weights, shortened
from rarepix.models.weight_match import COUNTER, Match, encoder_tensors, flat, match_by_name, match_by_order

NEEDED = 0.9
"""Share of the encoder's tensors that a file must hold, and share of its own encoder's tensors that must be used.
A file of the same encoder has all of them but for a few (a first or a last layer of another task); a file of its
nearest relatives, another depth or width of the same family, has less."""


def load_first_weights(network: nn.Module, config: ModelConfig) -> str:
    """Load the weights that ``model.weights`` names, unless the encoder's library did; return what was loaded, a line.

    *network* has an ``encoder``; its first layer may take any number of bands.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: the file cannot be read, or is of another network.
        ConnectionError: ImageNet weights that are neither in a package nor in the cache cannot be fetched.
    """
    name = packaged_network(config.encoder)
    if config.weights == "imagenet" and name:
        with named_fetch_errors(config):
            state = imagenet_state(name)
        return _load(network, state, f"the imagenet weights of {name}", config.encoder)
    file = config.weights_file
    if file is None:
        return ""
    return f"{_load(network, read_weights(file), str(file), config.encoder)}; sha256 {sha256(file)}"


def _load(network: nn.Module, file: Mapping[str, Tensor], origin: str, encoder: str) -> str:
    """Load the tensors of *file*, which came from *origin*, and return what was loaded."""
    targets = network.state_dict()
    wanted = encoder_tensors(targets)
    match = match_by_name(targets, file)
    if _share(wanted, match.used) < NEEDED:
        match = match_by_order(targets, file) or match
    _check_holds_encoder(match, wanted, file, origin, encoder)
    _check_is_no_larger_encoder(match, origin, encoder)
    integers = [
        name for target, name in match.used.items()
        if not name.endswith(COUNTER) and file[name].is_floating_point() != targets[target].is_floating_point()
    ]  # fmt: skip
    if integers:
        raise WeightsError(
            f"{origin} must hold weights as floats, but has {shortened(integers)} as "
            f"{str(file[integers[0]].dtype).removeprefix('torch.')}: save the network before it is quantised"
        )
    values = {target: file[name] for target, name in match.used.items()}
    other_bands = [target for target, value in values.items() if value.shape != targets[target].shape]
    values |= {target: adapt_input_conv(targets[target].shape[1], values[target]) for target in other_bands}
    network.load_state_dict(targets | values)
    return _report(match, targets, file, origin)


def _share(names: list[str], among: Iterable[str]) -> float:
    """Return which share of *names* is *among* others."""
    return len(set(names) & set(among)) / max(len(names), 1)


def _check_holds_encoder(
    match: Match, wanted: list[str], file: Mapping[str, Tensor], origin: str, encoder: str
) -> None:
    if _share(wanted, match.used) >= NEEDED:
        return
    held = sum(name in match.used for name in wanted)
    other = [match.other_shape[name] for name in wanted if name in match.other_shape]
    if len(other) > len(wanted) / 2:
        why = f"{len(other)} have another shape ({shortened(other)}), so it is most likely of another size of network"
    else:
        why = f"it has {shortened(list(file))}, so it is most likely of another network"
    raise WeightsError(
        f"{origin} must hold at least {NEEDED:.0%} of the tensors of model.encoder={encoder!r}, but holds {held} of "
        f"{len(wanted)} by name and shape; {why}: set model.encoder to the network that the file is of"
    )


def _check_is_no_larger_encoder(match: Match, origin: str, encoder: str) -> None:
    used, own = set(match.used.values()), match.of_encoder
    if _share([*own.values()], used) >= NEEDED:
        return
    whole = _tensors_of_whole(encoder)
    foreign = [name for inner, name in own.items() if name not in used and inner not in whole]
    if len(foreign) > (1 - NEEDED) * len(own):
        raise WeightsError(
            f"{origin} must be of model.encoder={encoder!r}, but {len(foreign)} of its {len(own)} tensors have no "
            f"place there ({shortened(foreign)}), so it is most likely of a larger network: set model.encoder to the "
            f"network that the file is of"
        )


def _tensors_of_whole(encoder: str) -> set[str]:
    """Return the flat names of the tensors of an *encoder* of full depth; a network may use its first stages alone."""
    from segmentation_models_pytorch.encoders import get_encoder

    with torch.device("meta"):
        whole = get_encoder(encoder, depth=5, weights=None)
    return {flat(name.removeprefix("model.")) for name in whole.state_dict()}


def _report(match: Match, targets: Mapping[str, Tensor], file: Mapping[str, Tensor], origin: str) -> str:
    """Return one line: what matched, and what did not."""
    encoder = encoder_tensors(targets)
    others = [name for name in targets if name not in encoder and not name.endswith(COUNTER)]
    in_encoder, in_others = (sum(name in match.used for name in names) for names in (encoder, others))
    seen = {*match.used.values(), *match.other_shape.values()}
    differences = {
        "missing": [name for name in encoder if name not in match.used and name not in match.other_shape],
        "of another shape": [*match.other_shape.values()],
        "not used": [name for name in file if name not in seen and not name.endswith(COUNTER)],
    }
    matched = f"{in_encoder} of {len(encoder)} tensors of the encoder and {in_others} of {len(others)} others"
    told = [f"{what}: {shortened(names)}" for what, names in differences.items() if names]
    return "; ".join([f"weights: {matched} from {origin}", *told])
