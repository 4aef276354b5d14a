"""Where the images are that an annotation file names."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from rarepix.data.images import SUFFIXES
from rarepix.data.sources.image_folder import ImageFolder
from rarepix.data.sources.image_tree import IMAGE_FOLDERS, find_folder


class ImageSearch:
    """Finds the images of one list by the names that annotations give them."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [ImageFolder(folder) for folder in folders]

    def find(self, name: str) -> Path:
        """Return the image called *name*, a path or its last part, with its suffix in any case, or without suffix.

        Where none exists, its path in the first folder.

        Raises:
            DataError: a name without suffix is that of several images in one folder.
        """
        path = PurePosixPath(name.replace("\\", "/").lstrip("/"))
        for part in dict.fromkeys((path.as_posix(), path.name)):
            for place, folder in enumerate(self._folders):
                if found := _in_folder(folder, part):
                    self._folders.insert(0, self._folders.pop(place))  # the next image is likely to lie there, too
                    return found
        return self._folders[0].path / path.name


def _in_folder(folder: ImageFolder, name: str) -> Path | None:
    if (folder.path / name).is_file():
        return folder.path / name
    path = PurePosixPath(name)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        return folder.find(name) if folder.has(name) else None
    files = folder.files(path.with_suffix("").as_posix())
    return next((file for file in files if file.suffix.lower() == suffix), None)


def image_search(root: Path, list_name: str, beside: Path, named: Path | None = None) -> ImageSearch:
    """Return the search for images of a list in the folder *named*, or in the usual ones.

    These are the folder *beside* which the annotations lie, and *root* and its folder of images, each itself and with
    a folder called like the list.
    """
    if named:
        return ImageSearch([named, named / list_name])
    images = find_folder(root, IMAGE_FOLDERS)
    inner = find_folder(beside, IMAGE_FOLDERS)
    named_so = find_folder(root, [f"{list_name}_images", f"{list_name}-images", f"images_{list_name}"])
    candidates = [images and images / list_name, named_so, root / list_name, inner, images, beside, root]
    usual = [folder for folder in candidates if folder and folder.is_dir()]
    return ImageSearch(list(dict.fromkeys(usual)))
