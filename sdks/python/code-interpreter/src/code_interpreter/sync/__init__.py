"""The blocking client."""

from .code_interpreter import CodeInterpreterSync

__all__ = ["CodeInterpreterSync"]
