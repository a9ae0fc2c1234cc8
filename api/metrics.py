"""The metrics for Prometheus at /metrics. Labels are route templates, never ids."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "guerdon_http_requests_total", "Requests answered.", ["method", "route", "status"]
)
SECONDS = Histogram(
    "guerdon_http_request_seconds",
    "Time to answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
WRONG_TOKENS = Counter("guerdon_wrong_tokens_total", "Requests with wrong credentials.")
UNSENT = Gauge("guerdon_intake_unsent", "Accepted requests that Temporal does not have yet.")
DOUBLE_ORDERS = Gauge(
    "guerdon_double_orders",
    "Incidents so far: a reward for which more than one order was found. Page somebody.",
)
UNSENT_SECONDS = Gauge("guerdon_intake_unsent_seconds", "Age of the oldest of them.")
LANE_STOPPED = Gauge(
    "guerdon_lane_stopped",
    "1 for a provider that is sent no orders until its reason is gone. Tell finance.",
    ["provider", "reason"],
)
PARKED = Gauge("guerdon_grants_needing_attention", "Grants that are parked.", ["reason"])
WORKFLOWS_MISSING = Gauge(
    "guerdon_workflows_missing",
    "Workflows that open facts ask for and Temporal does not run. Run guerdon recover.",
)
WORKFLOWS_IDLE = Gauge(
    "guerdon_workflows_idle",
    "Workflows that Temporal runs, and that nothing is open for. guerdon recover ends them.",
)
WORK_FAILING = Gauge(
    "guerdon_work_failing",
    "Activities that fail again and again, and not for an outage. guerdon recover --dry-run lists "
    "them.",
    ["activity", "error"],
)
WEBHOOKS_FAILING = Gauge(
    "guerdon_webhooks_failing", "Outgoing webhooks whose receiver does not take the next event."
)
