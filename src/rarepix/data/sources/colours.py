"""A folder of images beside a folder of colour masks, and a table of the classes' colours.

Folders and names are as in the source ``folders``. The table is ``class_dict.csv`` (name,r,g,b), ``labelmap.txt``
(CVAT), ``label_colors.txt`` (CamVid) or a JSON file (``{"road": [128, 64, 128]}``); or
``dataset.json`` has a palette.
"""

from pathlib import Path

from rarepix.data.colour_masks import ColourMask
from rarepix.data.evidence import Evidence
from rarepix.data.grey_masks import has_colours, has_palette
from rarepix.data.source import DataError, Mask, first_of
from rarepix.data.sources.colour_tables import TABLES, ColouredClass, find_table, is_void, read_table
from rarepix.data.sources.description import describe, label_space
from rarepix.data.sources.image_folder import LOSSY
from rarepix.data.sources.paired import PairedSource, PairParameters, pairs_in
from rarepix.labels import LabelSpace

DESCRIPTION = "dataset.json"


class Parameters(PairParameters):
    """The parameters of this source."""

    table: str | None = None
    """File of the classes and their colours. Default: the usual names, such as class_dict.csv or labelmap.txt."""
    ignored: tuple[str, ...] | None = None
    """Rows of the table that are no class but ignored. Default: those called void, unlabelled or the like."""


def open_source(root: Path, parameters: Parameters) -> "ColourSource":
    """Return the reader of *root*."""
    return ColourSource(root, parameters)


def recognise(root: Path) -> Evidence:
    """Return what *root* has of this layout: pairs of images and masks with colours, and a table of the colours."""
    pairs, evidence = pairs_in(root)
    table = find_table(root) or next((root / name for name in (DESCRIPTION,) if _has_palette(root / name)), None)
    found = [*evidence.found, *([table.name] if table else [])]
    missing = [*evidence.missing, *([] if table else [f"a table of colours ({', '.join(TABLES[:2])}, …)"])]
    masks = pairs.likely_masks() if pairs else []
    palettes_count = table is not None and table.name != DESCRIPTION
    by_colours = any(has_colours(mask) or (palettes_count and has_palette(mask)) for mask in masks)
    if pairs and not by_colours:
        return Evidence((table.name,) if table else (), ("masks with colours",))
    return Evidence(tuple(found), tuple(missing))


def _has_palette(file: Path) -> bool:
    try:
        return file.is_file() and bool(describe(file).palette)
    except DataError:
        return False


class ColourSource(PairedSource):
    """Reader of images and colour masks that have the same names."""

    def __init__(self, root: Path, parameters: Parameters) -> None:
        file = root / parameters.table if parameters.table else find_table(root)
        if file and not file.is_file():
            raise FileNotFoundError(
                f"data.table must name a file in {root}, but {parameters.table} is none: correct it"
            )
        if file is None and not (root / DESCRIPTION).is_file():
            raise FileNotFoundError(
                f"{root} must hold a table of the classes' colours ({', '.join(TABLES[:3])}, …) or a {DESCRIPTION} "
                f"with a palette, but has none: write one, or name it (data.table)"
            )
        super().__init__(root, parameters)
        self.assumed = ""
        self.labels, self._colours = self._from_table(file, parameters) if file else self._from_palette()
        told = [*([self.assumed] if self.assumed else []), *self.told()]
        self.assumed = "; ".join(told)
        lossy = [mask for mask in self.pairs.mask_files if mask.suffix.lower() in LOSSY]
        if lossy:
            raise DataError(
                f"colour masks must be saved without loss, but {len(lossy)} are JPEG ({first_of([*lossy], 1)}), which "
                f"blurs colours at the edges: save them again as PNG, from what they were made of"
            )

    def mask_of(self, file: Path) -> Mask:
        """Return the mask in *file*."""
        return ColourMask(file, self._colours)

    def _from_table(self, file: Path, parameters: Parameters) -> tuple[LabelSpace, tuple]:
        rows = read_table(file)
        ignored = self._ignored(rows, file, parameters)
        classes = [row for row in rows if row.name not in ignored]
        names = [row.name for row in classes]
        background = next((number for number, name in enumerate(names) if name.lower() == "background"), None)
        try:
            labels = LabelSpace(names=tuple(names), background=background, palette=tuple(row.colour for row in classes))
        except ValueError as error:
            raise DataError(f"{file}: {error}") from error
        ids = {name: number for number, name in enumerate(names)} | dict.fromkeys(ignored, labels.ignore)
        return labels, tuple((row.colour, ids[row.name]) for row in rows)

    def _ignored(self, rows: list[ColouredClass], file: Path, parameters: Parameters) -> list[str]:
        """Return which rows are ignored."""
        names = [row.name for row in rows]
        if parameters.ignored is None:
            ignored = [name for name in names if is_void(name)]
            if ignored:
                self.assumed = f"{file.name}: {', '.join(ignored)} is taken for ignored; if not, write data.ignored: []"
            return ignored
        unknown = [name for name in parameters.ignored if name not in names]
        if unknown:
            raise DataError(
                f"data.ignored must name rows of {file}, but {', '.join(unknown)} is none of {', '.join(names)}"
            )
        return list(parameters.ignored)

    def _from_palette(self) -> tuple[LabelSpace, tuple]:
        file = self.root / DESCRIPTION
        labels = label_space(describe(file), file)
        if not labels.palette:
            raise DataError(f"{file} must have a palette, the colour of every class, for colour masks: add it")
        if len(set(labels.palette)) != len(labels.palette):
            raise DataError(f"{file} must have a colour of its own for every class in its palette: correct it")
        return labels, tuple((colour, number) for number, colour in enumerate(labels.palette))
