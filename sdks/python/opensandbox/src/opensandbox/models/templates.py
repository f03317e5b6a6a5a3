"""Templates: images prepared so that sandboxes start from them at once."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, field_validator

from .base import Constants, Model, not_blank
from .sandboxes import PaginationInfo


class TemplatePhase(Constants):
    """How far the making of a template is."""

    PENDING = "Pending"
    BUILDING = "Building"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class TemplateReadiness(Model):
    """When a template counts as warm: a probe, then so many seconds."""

    probe: str | None = None
    warmup_seconds: int | None = Field(default=None, alias="warmupSeconds", ge=0)


class TemplateStatus(Model):
    """Phase (one of `TemplatePhase`) and result of the making."""

    phase: str
    manifest_ref: str | None = Field(default=None, alias="manifestRef")
    message: str | None = None


class TemplateInfo(Model):
    """A template as the server sees it."""

    template_id: str = Field(alias="templateId")
    image: str
    publish: str
    format: Literal["native", "overlaybd"]
    status: TemplateStatus
    created_at: datetime
    updated_at: datetime
    resource_limits: dict[str, str] | None = Field(default=None, alias="resourceLimits")
    entrypoint: list[str] | None = None
    env: dict[str, str] | None = None
    metadata: dict[str, str] | None = None
    readiness: TemplateReadiness | None = None


class CreateTemplateRequest(Model):
    """What a template is made from.

    Attributes:
        image: name of the image.
        publish: where the result is put.
        format: None: the server's default.
    """

    image: str
    publish: str
    resource_limits: dict[str, str] | None = Field(default=None, alias="resourceLimits")
    entrypoint: list[str] | None = None
    env: dict[str, str] | None = None
    metadata: dict[str, str] | None = None
    readiness: TemplateReadiness | None = None
    format: Literal["native", "overlaybd"] | None = None

    @field_validator("image", "publish")
    @classmethod
    def must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "image and publish")


class PagedTemplateInfos(Model):
    """One page of templates."""

    template_infos: list[TemplateInfo]
    pagination: PaginationInfo


class TemplateFilter(Model):
    """Which templates to list; pages count from 1."""

    metadata: dict[str, str] | None = None
    page_size: int | None = Field(default=None, alias="pageSize")
    page: int | None = None

    @field_validator("page_size")
    @classmethod
    def template_page_size_must_be_positive(cls, v: int | None) -> int | None:
        if v is not None and v <= 0:
            raise ValueError("page_size must be more than 0")
        return v

    @field_validator("page")
    @classmethod
    def template_page_must_be_positive(cls, v: int | None) -> int | None:
        if v is not None and v <= 0:
            raise ValueError("page must be more than 0")
        return v
