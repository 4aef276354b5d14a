"""The first files for a folder of images: a recipe, a search space and two studies, by what the folder holds.

``look`` says what is in the folder, ``starter_files`` writes the files with the reason for every line.
"""

from rarepix.starter.files import OutputExists, StarterFiles, starter_files, write
from rarepix.starter.survey import Survey, look

__all__ = ["OutputExists", "StarterFiles", "Survey", "look", "starter_files", "write"]
