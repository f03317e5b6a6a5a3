"""What all models have in common."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

M = TypeVar("M", bound=BaseModel)


class Model(BaseModel):
    """Fields are set by name, also where they have another name on the wire. Validators are built when a model is first used:
    most programs use few of them, and import should be quick."""

    model_config: ClassVar[ConfigDict] = ConfigDict(populate_by_name=True, defer_build=True)


class Constants:
    """A class of strings."""

    @classmethod
    def values(cls) -> set[str]:
        """All of them."""
        return {value for name, value in vars(cls).items() if name.isupper() and isinstance(value, str)}


def known(model: type[M], **values: Any) -> M:
    """A model whose values, one for every field, have the right types already. As quick as a validator for every model, and none is
    built: the first one of a program takes longer than its requests. (`model_construct` would do, at twice the time.)"""
    made = model.__new__(model)
    private = {name: attribute.get_default() for name, attribute in model.__private_attributes__.items()}
    made.__setstate__({"__dict__": values, "__pydantic_fields_set__": set(values), "__pydantic_extra__": None,
                       "__pydantic_private__": private or None})
    return made


def not_blank(value: str, what: str) -> str:
    if not value.strip():
        raise ValueError(f"{what} must not be blank")
    return value
