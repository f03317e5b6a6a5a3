"""Languages and contexts."""

from __future__ import annotations

from opensandbox.models.base import Model, not_blank
from pydantic import field_validator


class SupportedLanguage:
    """Names of languages, as strings; what a sandbox can really run is up to its image."""

    PYTHON = "python"
    JAVA = "java"
    GO = "go"
    TYPESCRIPT = "typescript"
    JAVASCRIPT = "javascript"
    BASH = "bash"


class CodeContext(Model):
    """Where code runs: variables and definitions stay from run to run.

    Attributes:
        id: None: the default context of the language.
        language: one of `SupportedLanguage`.

    Example:
        >>> from code_interpreter import CodeContext, SupportedLanguage
        >>> CodeContext(language=SupportedLanguage.PYTHON).id is None
        True
    """

    id: str | None = None
    language: str

    @field_validator("language")
    @classmethod
    def language_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "language")


ExecutionContext = CodeContext
