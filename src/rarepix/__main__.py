"""``python -m rarepix`` is the command ``rarepix``."""

from rarepix.cli import main

main()
