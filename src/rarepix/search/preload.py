"""The name under which environments that were set up before December 2026 start NNI with its patch.

Their ``rarepix_nni.pth`` imports this module. Without it plain nnictl would run unpatched, and listen on every address.
"""

from rarepix.search.nni.install_patch import at_start_up

__all__ = ["at_start_up"]
