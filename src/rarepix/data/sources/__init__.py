"""Readers of dataset layouts, by name."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rarepix.data.registry import source_module
from rarepix.data.settings import DataConfig
from rarepix.data.source import Source
from rarepix.paths import expand
from rarepix.settings import ConfigError, explain


def open_source(name: str, root: Path, /, **parameters: Any) -> Source:
    """Return the reader, by its name in ``SOURCES``, of the dataset in *root*.

    Example: ``open_source("lesions", Path("eyes"), merge=True)``.

    Raises:
        FileNotFoundError: *root* is no folder, or not one of this layout.
        DataError: what the dataset says about itself cannot be used.
        ConfigError: the source has no such parameter, or it cannot have this value.
        ChoiceError: unknown source name.
    """
    module = source_module(name)
    if not root.is_dir():
        raise FileNotFoundError(
            f"the dataset must be a folder, but {root} {'is a file' if root.exists() else 'does not exist'}: draw the "
            f"demo data with 'rarepix demo-data data/demo', or give the folder of your own (in a recipe: data.root)"
        )
    known = module.Parameters.model_fields
    unknown = [key for key in parameters if key not in known]
    if unknown:
        raise ConfigError(
            f"the source {name} takes {', '.join(known) or 'no parameters'}, but got {', '.join(unknown)}: leave it out"
        )
    try:
        return module.open_source(root, module.Parameters(**parameters))
    except ValidationError as error:
        raise ConfigError(f"the source {name}: {explain(error, module.Parameters)}") from error


def source_of(config: DataConfig) -> Source:
    """Return the reader of the dataset that *config* names; raises as ``open_source`` and ``paths.expand``."""
    return open_source(config.source, expand(config.root), **config.given("source"))
