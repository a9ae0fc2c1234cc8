"""Voucherify's official Python client, unchanged, against the whole stack."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import voucherify

from cli.stack.stack import Stack

SCRIPT = Path(__file__).with_name("official_python.py")

CLASSES = (
    *("CustomersApi", "CampaignsApi", "VouchersApi", "PublicationsApi", "ValidationsApi"),
    *("RedemptionsApi", "EventsApi", "ReferralsApi", "RewardsApi", "AsyncActionsApi"),
    *("ExportsApi", "ValidationRulesApi", "SegmentsApi", "MetadataSchemasApi", "BinApi"),
    "QualificationsApi",
)
NOT_CALLED = {
    # The same as the methods without the digit, under the other of two paths.
    "referrals_add_holders1",
    "referrals_code_holders1",
    "referrals_remove_holder1",
}
NOT_ANSWERED = {
    # A GET that writes: a crawler or a proxy may repeat it.
    "create_publication1",
    # Codes outside a campaign, and codes changed in bulk: a referral's code lives in a campaign.
    "create_voucher",
    "delete_voucher",
    "generate_random_code",
    "import_vouchers",
    "import_vouchers_using_csv",
    "update_voucher",
    "update_vouchers_in_bulk",
    "update_vouchers_metadata_in_bulk",
    # Balances of gift and loyalty cards: Guerdon has wallets, and a ledger of them.
    "export_campaign_transactions",
    "export_voucher_transactions",
    "list_campaign_transactions",
    "list_voucher_transactions",
    "update_voucher_balance",
    # Loyalty programmes' catalogue, sessions that lock a code, the bin, discovery.
    "check_eligibility",
    "create_reward_assignment",
    "delete_bin_entry",
    "delete_reward_assignment",
    "get_reward_assignment",
    "list_bin_entries",
    "list_reward_assignments",
    "release_validation_session",
    "update_reward_assignment",
}


def methods_of_the_sdk() -> set[str]:
    """Every call that these parts of the client have, without its variants."""
    variants = ("_with_http_info", "_without_preload_content")
    return {
        name
        for part in CLASSES
        for name, _ in inspect.getmembers(getattr(voucherify, part), inspect.isfunction)
        if not name.startswith("_") and not name.endswith(variants)
    }


@pytest.mark.timeout(900)
async def test_every_method_in_scope_writes_reads_and_refuses(
    stack: Stack, figure: Callable[[str], None]
) -> None:
    assert stack.info.api
    arguments = (stack.info.api.url, stack.info.app_id, stack.info.app_token)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SCRIPT),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    table = [json.loads(line) for line in out.splitlines()]
    for line in table:
        figure(f"{line['method']}: read back {line['read_back'][:40]}; refused {line['refused']}")
    answered = [line["method"] for line in table]
    assert len(answered) == len(set(answered))
    assert set(answered) == methods_of_the_sdk() - NOT_ANSWERED - NOT_CALLED
    assert all(line["refused"] for line in table)
    figure(f"{len(answered)} methods of voucherify 6.1.1; not answered: {len(NOT_ANSWERED)}")


def test_the_script_uses_nothing_of_guerdon() -> None:
    imported = {
        line.split()[1].partition(".")[0]
        for line in SCRIPT.read_text().splitlines()
        if line.startswith(("import ", "from "))
    }
    assert imported <= {"__future__", "collections", "json", "sys", "time", "typing", "voucherify"}
