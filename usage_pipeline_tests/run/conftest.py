"""A decided home, its CRM and its receiver are described once, beside the tests of defs, sync and channels."""

import sys
from pathlib import Path

sys.path += [str(Path(__file__).parents[1] / place) for place in ("defs", "sync", "channels")]
