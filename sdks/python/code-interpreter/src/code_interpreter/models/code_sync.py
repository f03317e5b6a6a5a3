"""Languages and contexts for the blocking client. They are those of the async one: a context may go from one to the other."""

from .code import CodeContext as CodeContextSync
from .code import SupportedLanguage as SupportedLanguageSync

ExecutionContextSync = CodeContextSync

__all__ = ["CodeContextSync", "ExecutionContextSync", "SupportedLanguageSync"]
