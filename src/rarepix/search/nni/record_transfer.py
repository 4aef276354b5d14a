"""The record of a trial as one short text, which travels in the trial's final report to NNI's manager.

A machine may be lost with its disk; what its trials had counted is then still in NNI's database.
"""

import base64
import json
import zlib
from pathlib import Path

from pydantic import ValidationError

from rarepix.records import SCHEMA, TrialRecord, write

KEY = "record"
"""Of the final report. The others are numbers; NNI's tuners look at ``default`` alone."""
LIMIT = 16 * 2**20
"""Bytes that a text may unfold to."""


class RecordTransferError(ValueError):
    """A text that is no record; the message says why."""


def pack(record: TrialRecord) -> str:
    """Return all that *record* says, as text. Its files stay behind, so they are not named."""
    document = {"schema": record.schema_version} | record.model_dump(mode="json", exclude={"schema_version", "files"})
    return base64.b64encode(zlib.compress(json.dumps(document, allow_nan=False).encode(), level=9)).decode()


def unpack(text: str) -> TrialRecord:
    """Return the record in *text*; it names no files.

    Raises:
        EssenceError: not what ``pack`` makes, or of a schema that this version does not read.
    """
    try:
        unfolding = zlib.decompressobj()
        document = json.loads(unfolding.decompress(base64.b64decode(text, validate=True), LIMIT))
        schema = document.pop("schema")
        if schema != SCHEMA:
            raise RecordTransferError(
                f"a reported record must have schema {SCHEMA}, but has {schema!r}: update rarepix"
            )
        return TrialRecord(schema_version=schema, **document)
    except RecordTransferError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error, ValidationError) as error:
        raise RecordTransferError(f"a reported record must be whole, but: {error!r}") from error


def keep(data: str, file: Path) -> bool:
    """Write the record in a report as NNI keeps it (JSON twice) to *file*; return whether there was one.

    Raises:
        EssenceError: there was one, but not whole.
        files.WriteError: *file* cannot be written.
    """
    try:
        metrics = json.loads(json.loads(data))
    except ValueError:
        return False
    if not isinstance(metrics, dict) or not isinstance(metrics.get(KEY), str):
        return False
    write(unpack(metrics[KEY]), file)
    return True
