"""What every test of this folder stands on."""

from staging import keep, module_database, running, simulator_url, stage

__all__ = ["keep", "module_database", "running", "simulator_url", "stage"]
