"""Path and query parameters that several endpoints share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from api.http.masking import PERSONAL_UNLESS_OURS

AssignmentPath = Annotated[str, Path(description="The assignment's id.")]
CampaignPath = Annotated[str, Path(description="The campaign's id or its name.")]
CodePath = Annotated[str, Path(description="The code itself, or its id.")]
CustomerPath = Annotated[
    str, Path(description="Our id of the customer, or the caller's own `source_id`.")
]
DistributionPath = Annotated[str, Path(description="The distribution's id or its name.")]
ExportPath = Annotated[str, Path(description="The export's id.")]
GrantPath = Annotated[str, Path(description="The grant's id.")]
HolderPath = Annotated[
    str, Path(description="Our id of the holder, or the caller's own `source_id`.")
]
IncidentPath = Annotated[str, Path(description="The incident's id.")]
ItemPath = Annotated[str, Path(description="The item's id.")]
KeyPath = Annotated[str, Path(description="The key's id, as `X-App-Id` carries it.")]
MessagePath = Annotated[str, Path(description="The message's id.")]
OrderPath = Annotated[str, Path(description="Guerdon's own id of the order at the provider.")]
ReconciliationPath = Annotated[str, Path(description="The reconciliation's id.")]
RedemptionPath = Annotated[str, Path(description="The redemption's id.")]
ReferralPath = Annotated[str, Path(description="The referral's id.")]
RewardPath = Annotated[str, Path(description="The reward's id.")]
RulePath = Annotated[str, Path(description="The rule's id.")]
SegmentPath = Annotated[str, Path(description="The segment's id.")]
TemplatePath = Annotated[str, Path(description="The template's id or its name.")]
TierPath = Annotated[str, Path(description="The tier's id.")]
WebhookPath = Annotated[str, Path(description="The webhook's id.")]

CampaignQuery = Annotated[str | None, Query(max_length=255, description="A campaign's name or id.")]
CampaignIdQuery = Annotated[str | None, Query(max_length=255, description="A campaign's id.")]
CustomerQuery = Annotated[
    str | None,
    Query(
        max_length=255,
        json_schema_extra=PERSONAL_UNLESS_OURS,
        description="Our id of the customer, or the caller's own `source_id`.",
    ),
]
ExactCodeQuery = Annotated[
    str | None, Query(max_length=255, description="The code itself, exactly.")
]
OrderSourceIdQuery = Annotated[
    str | None, Query(max_length=255, description="The shop's own id of an order.")
]
IsReferralCodeQuery = Annotated[
    bool, Query(description="Whether the code is one to be shared; here each is.")
]
