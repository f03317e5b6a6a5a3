"""What all models have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Fields are set by name, also where they have another name on the wire. Validators are built when a model is first used:
    most programs use few of them, and import should be quick."""

    model_config = ConfigDict(populate_by_name=True, defer_build=True)


def not_blank(value: str, what: str) -> str:
    if not value.strip():
        raise ValueError(f"{what} must not be blank")
    return value
