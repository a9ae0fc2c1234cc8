"""The worker's build id in Temporal's worker deployments."""

from __future__ import annotations

from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

from worker.settings import WorkerSettings

DEPLOYMENT = "guerdon"


def deployment(settings: WorkerSettings) -> WorkerDeploymentConfig | None:
    if settings.build_id is None:
        return None
    # Waits of 90 days outlive deployments. Runs move to the new code, guarded by patched() and
    # replayed histories, so that old workers need not be kept for months.
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(DEPLOYMENT, settings.build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )
