"""Every scenario, how it has to end, and where it cannot exist.

    scenario            does not exist at                    because
    key_in_progress     giftcard-partners, tremendous,       no such answer: a key under which a
                        giftbit                              request still runs is answered like
                                                             any key that is taken
    webhook_*           tango                                digital orders have no webhook
    webhook_*           giftbit                              there are no webhooks at all

What does not exist is not counted. Runa remembers a 5xx under its key, whether there is an order or
not: `error_before_commit` ends there with a second generation, once absence is proven."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import tests.conformance.fault_scenarios as faults
import tests.conformance.hook_scenarios as hooks
import tests.conformance.process_scenarios as processes
from tests.conformance.adapters_under_test import UNDER_TEST
from tests.conformance.order_judge import CONFLICT, DELIVERED, End
from tests.conformance.scene import Scene

ALL = tuple(UNDER_TEST)
SAY_IN_PROGRESS = ("tango", "runa")
SEND_WEBHOOKS = ("giftcard-partners", "tremendous", "runa")


class Scenario(NamedTuple):
    """What happens, how it must end, and at which providers it can happen."""

    run: Callable[[Scene], Awaitable[None]]
    end: End = DELIVERED
    at: tuple[str, ...] = ALL


SCENARIOS = (
    Scenario(faults.drop_before_send),
    Scenario(faults.drop_after_commit),
    Scenario(faults.error_before_commit),
    Scenario(faults.error_after_commit),
    Scenario(faults.slow_beyond_time_out),
    Scenario(faults.garbage_200),
    Scenario(faults.lost_answers_in_a_row),
    Scenario(faults.rate_limit),
    Scenario(faults.unfunded_then_funded),
    Scenario(faults.unfunded_after_a_lost_answer),
    Scenario(faults.bad_credentials_then_good),
    Scenario(faults.two_attempts_at_once),
    Scenario(faults.key_in_progress, at=SAY_IN_PROGRESS),
    Scenario(faults.request_read_late),
    Scenario(faults.key_conflict, end=CONFLICT),
    Scenario(faults.cancelled_while_in_doubt),
    Scenario(hooks.webhook_duplicate, at=SEND_WEBHOOKS),
    Scenario(hooks.webhook_reordered, at=SEND_WEBHOOKS),
    Scenario(hooks.webhook_early, at=SEND_WEBHOOKS),
    Scenario(hooks.webhook_lost, at=SEND_WEBHOOKS),
    Scenario(processes.killed_when_received),
    Scenario(processes.killed_when_committed),
    Scenario(processes.killed_when_answered),
    Scenario(processes.paused_before_sending),
    Scenario(processes.paused_while_asking),
)
CASES = [(scenario, provider) for scenario in SCENARIOS for provider in scenario.at]


def name_of(scenario: Scenario) -> str:
    return str(getattr(scenario.run, "__name__", scenario.run))
