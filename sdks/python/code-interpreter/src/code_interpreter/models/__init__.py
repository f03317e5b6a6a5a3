"""Models, importable from here."""

from .code import CodeContext, ExecutionContext, SupportedLanguage

__all__ = ["CodeContext", "ExecutionContext", "SupportedLanguage"]
