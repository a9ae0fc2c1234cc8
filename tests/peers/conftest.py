"""The stage of the workflow tests, for the defects that only a whole referral can show."""

from tests.workflows.staging import module_database, running, simulator_url, stage

__all__ = ["module_database", "running", "simulator_url", "stage"]
