"""The sandbox's process and a receiver of messages are described once, beside the tests of crm and channels."""

import sys
from pathlib import Path

sys.path += [str(Path(__file__).parents[1] / "crm"), str(Path(__file__).parents[1] / "channels")]
