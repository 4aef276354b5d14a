"""Readers of dataset layouts, by name."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rarepix.data.bands import RGB, Bands
from rarepix.data.registry import AUTO, source_module
from rarepix.data.settings import DataConfig
from rarepix.data.source import FaultyList, Item, Source
from rarepix.data.sources.recognition import recognise
from rarepix.paths import expand
from rarepix.settings import ConfigError, explain


def open_source(name: str, root: Path, /, **parameters: Any) -> Source:
    """Return the reader, by its name in ``SOURCES``, of the dataset in *root*; ``auto`` looks which it is.

    *parameters* are those of the source, and ``channels`` and ``range``, in which any source reads images.

    Example: ``open_source("lesions", Path("eyes"), merge=True)``.

    Raises:
        FileNotFoundError: *root* is no folder, or not one of this layout.
        DataError: what the dataset says about itself cannot be used.
        ConfigError: the source has no such parameter, or it cannot have this value.
        ChoiceError: unknown source name.
    """
    module = source_module(name)
    others: tuple[str, ...] = ()
    if not root.is_dir():
        raise FileNotFoundError(
            f"the dataset must be a folder, but {root} {'is a file' if root.exists() else 'does not exist'}: draw the "
            f"demo data with 'rarepix demo-data data/demo', or give the folder of your own (in a recipe: data.root)"
        )
    if name == AUTO:
        name, others = recognise(root)
        module = source_module(name)
    bands = _bands({key: parameters.pop(key) for key in Bands.model_fields if key in parameters})
    known = module.Parameters.model_fields
    unknown = [key for key in parameters if key not in known]
    if unknown:
        raise ConfigError(
            f"the source {name} takes {', '.join(known) or 'no parameters'}, but got {', '.join(unknown)}: leave it out"
        )
    try:
        source = module.open_source(root, module.Parameters(**parameters))
    except ValidationError as error:
        raise ConfigError(f"the source {name}: {explain(error, module.Parameters)}") from error
    if others:
        also = f"{root} is read as {name}, but could be {' or '.join(others)}, too: name data.source if that is meant"
        source.assumed = f"{source.assumed}; {also}" if source.assumed else also
    return source if bands == RGB else _WithBands(source, bands)


def source_of(config: DataConfig) -> Source:
    """Return the reader of the dataset that *config* names; raises as ``open_source`` and ``paths.expand``."""
    return open_source(config.source, expand(config.root), **config.given("source"), **config.bands.model_dump())


def layout_of(config: DataConfig) -> str:
    """Return the source of the dataset that *config* names, of ``auto`` the one that fits; raises as ``source_of``."""
    return recognise(expand(config.root)).source if config.source == AUTO else config.source


def _bands(given: dict[str, Any]) -> Bands:
    try:
        return Bands(**given)
    except ValidationError as error:
        raise ConfigError(explain(error, Bands)) from error


class _WithBands:
    """A source whose images are read in other bands than three of 8 bits."""

    def __init__(self, source: Source, bands: Bands) -> None:
        self.name, self.root, self.labels, self.assumed = source.name, source.root, source.labels, source.assumed
        self._source, self._bands = source, bands

    def lists(self) -> list[str]:
        """Return the names of the lists."""
        return self._source.lists()

    def items(self, list_name: str) -> list[Item]:
        """Return the items of a list; raises as the source itself."""
        try:
            return self._read_so(self._source.items(list_name))
        except FaultyList as error:
            raise type(error)(str(error), self._read_so(error.items)) from error

    def _read_so(self, items: list[Item]) -> list[Item]:
        return [replace(item, bands=self._bands) for item in items]
