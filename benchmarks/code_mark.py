"""A mark of the code that figures come from: what was measured by other code is measured anew."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent


def of(names: Sequence[str], beside: Sequence[Path] = ()) -> str:
    """Hash of files and folders of the package, and of files beside it."""
    package = ROOT / "usage_pipeline"
    found = [
        path
        for name in names
        for path in ((package / name).rglob("*") if (package / name).is_dir() else [package / name])
    ]
    hashed = hashlib.sha256()
    for path in sorted(path for path in (*found, *beside) if path.suffix in {".py", ".yaml"}):
        hashed.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return hashed.hexdigest()[:16]
