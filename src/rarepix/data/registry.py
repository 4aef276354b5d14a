"""Sources by name: the modules that read dataset layouts, imported when one is chosen."""

from importlib import import_module
from types import ModuleType

from rarepix.choices import pick

SOURCES: dict[str, str] = {
    "voc": "rarepix.data.sources.voc",
    "cityscapes": "rarepix.data.sources.cityscapes",
    "lesions": "rarepix.data.sources.lesions",
    "polyp": "rarepix.data.sources.polyp",
}
"""``data.source`` → the module that reads folders of that layout.

It has ``Parameters``, the settings of the source, and ``open_source(root, parameters)``, which returns a ``Source``.
"""


def source_module(name: str) -> ModuleType:
    """Return the module of a source.

    Raises:
        ChoiceError: there is no source of that name.
    """
    return import_module(pick(SOURCES, name, "data.source"))
