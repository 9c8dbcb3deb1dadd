"""The sandbox's process is described once, beside the CRMs' own tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "crm"))
