"""The newest version ever heard of, in a small file."""

import json
import os
from pathlib import Path

from hadelect.core.versions import Line, Version
from hadelect.core.vocabulary import Term


def write_known(path: Path, line: Line) -> None:
    """All of it or nothing; on disk when this returns. Raises OSError."""
    new = path.with_suffix(".new")
    version = line.version
    with new.open("w") as file:
        json.dump([version.term, version.sequence, version.digest, line.ends], file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def read_known(path: Path) -> Line | None:
    """Damaged or not there: None; it is heard of again."""
    try:
        term, sequence, digest, ends = json.loads(path.read_text())
        listed = tuple((Term(int(end)), int(last)) for end, last in ends)
        return Line(Version(Term(int(term)), int(sequence), str(digest)), listed)
    except (OSError, ValueError, TypeError):
        return None
