"""What every test of this folder stands on."""

from tests.workflows.staging import module_database, running, simulator_url, stage

__all__ = ["module_database", "running", "simulator_url", "stage"]
