"""What a server tells about a sandbox for finding faults."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from .base import Model


class DiagnosticContent(Model):
    """Logs or events.

    Attributes:
        scope: which ones, as it was asked for.
        delivery: `inline`: the text is in `content`; `url`: at `content_url` until `expires_at`.
        truncated: whether some are missing.
        content_length: bytes.
    """

    sandbox_id: str = Field(alias="sandboxId")
    kind: Literal["logs", "events"]
    scope: str
    delivery: Literal["inline", "url"]
    content_type: str = Field(alias="contentType")
    truncated: bool
    content: str | None = None
    content_url: str | None = Field(default=None, alias="contentUrl")
    content_length: int | None = Field(default=None, alias="contentLength")
    expires_at: datetime | None = Field(default=None, alias="expiresAt")
    warnings: list[str] | None = None
