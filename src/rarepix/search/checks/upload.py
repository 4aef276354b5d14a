"""The code that NNI sends to other machines: packed once as NNI packs it, before a study starts.

NNI's manager ends itself, without a word to nnictl, when it cannot pack the code.
"""

import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

IGNORE = ".nniignore"
PACK = """
const path = require('path');
const [nni, code, place] = process.argv.slice(1);
require(path.join(nni, 'node_modules', 'app-module-path')).addPath(nni);
const logStream = { writeLine() {}, writeLineSync() {} };
global.nni = { paths: { experimentRoot: place }, args: { logLevel: 'error' }, logStream };
const { createTarball } = require(path.join(nni, 'common', 'tarball'));
createTarball('code', code).catch((error) => { console.error(error.message); process.exitCode = 1; });
"""


def problems(code: Path) -> list[str]:
    """Return why the folder *code* cannot be sent, a line each."""
    nni = Path(find_spec("nni_node").origin).parent
    with tempfile.TemporaryDirectory(prefix="rarepix-") as place:
        packed = subprocess.run(
            [nni / "node", "-e", PACK, nni, code, place], env={}, capture_output=True, text=True, check=False
        )
    if packed.returncode == 0:
        return []
    why = (packed.stderr.strip().splitlines() or [f"node ended with {packed.returncode}"])[-1]
    return [
        f"NNI must be able to send trialCodeDirectory to other machines, but: {why}: name what trials do not need, and "
        f"files that grow, in {code / IGNORE} (as in a .gitignore)"
    ]
