"""The stage of the workflow tests, for the defects that only a whole referral can show."""

import sys
from importlib import import_module
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "workflows"))
_staging = import_module("staging")

module_database, running = _staging.module_database, _staging.running
simulator_url, stage = _staging.simulator_url, _staging.stage
