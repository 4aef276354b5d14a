"""Sources by name: the modules that read dataset layouts, imported when one is chosen."""

from importlib import import_module
from types import ModuleType

from rarepix.choices import pick

AUTO = "auto"
"""The source that looks which layout a folder has."""
SOURCES: dict[str, str] = {
    AUTO: "rarepix.data.sources.recognition",
    "voc": "rarepix.data.sources.voc",
    "cityscapes": "rarepix.data.sources.cityscapes",
    "lesions": "rarepix.data.sources.lesions",
    "polyp": "rarepix.data.sources.polyp",
    "folders": "rarepix.data.sources.folders",
    "colours": "rarepix.data.sources.colours",
    "coco": "rarepix.data.sources.coco",
    "via": "rarepix.data.sources.via",
    "yolo": "rarepix.data.sources.yolo",
    "run_lengths": "rarepix.data.sources.run_lengths",
}
"""``data.source`` → the module that reads folders of that layout.

It has ``Parameters``, the settings of the source, and ``open_source(root, parameters)``, which returns a ``Source``;
and ``recognise(root)``, which returns the ``Evidence`` that a folder is of the layout, unless ``sources.recognition``
has it.
"""


def source_module(name: str) -> ModuleType:
    """Return the module of a source.

    Raises:
        ChoiceError: there is no source of that name.
    """
    return import_module(pick(SOURCES, name, "data.source"))
