"""A CRM in memory and a receiver of messages are described once, beside the tests of sync and channels."""

import sys
from pathlib import Path

sys.path += [str(Path(__file__).parents[1] / place) for place in ("sync", "channels")]
