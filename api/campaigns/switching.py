"""Bodies that switch a campaign or a code off."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from api.http.fields import Strict


class DisableIn(Strict):
    """What becomes of rewards that are on hold, or not ordered yet."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"grants": "stop"}]})

    grants: Literal["finish", "stop"] | None = Field(
        default=None,
        description="finish: they are given all the same; stop: none is given until it is enabled "
        "again. Left out: as it was, and finish at first.",
    )

    @property
    def stop(self) -> bool | None:
        """Whether rewards are stopped; None: as it was."""
        return None if self.grants is None else self.grants == "stop"


class DisableCodeIn(DisableIn):
    """The same, and what becomes of conversions that the code holds."""

    held: Literal["keep", "reject"] = Field(
        default="keep",
        description="keep: they are judged once the code is enabled; reject: they end, and rewards "
        "that were stopped are cancelled.",
    )


class EndIn(Strict):
    """What becomes of conversions that were held while the campaign was paused."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"held": "judge"}]})

    held: Literal["judge", "reject"] = Field(
        description="judge: by the time at which each was received; reject: none counts, and "
        "rewards that were stopped are cancelled."
    )
