"""Code of many languages in OpenSandbox sandboxes, with state from run to run.

`CodeInterpreter` is async, `CodeInterpreterSync` blocks; otherwise they are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensandbox._lazy import lazy

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .code_interpreter import CodeInterpreter as CodeInterpreter
    from .models.code import CodeContext as CodeContext
    from .models.code import ExecutionContext as ExecutionContext
    from .models.code import SupportedLanguage as SupportedLanguage
    from .models.code_sync import CodeContextSync as CodeContextSync
    from .models.code_sync import SupportedLanguageSync as SupportedLanguageSync
    from .services import CodesClient as CodesClient
    from .sync.code_interpreter import CodeInterpreterSync as CodeInterpreterSync

_NAMES = {
    "code_interpreter": ("CodeInterpreter",),
    "models.code": ("CodeContext", "ExecutionContext", "SupportedLanguage"),
    "models.code_sync": ("CodeContextSync", "SupportedLanguageSync"),
    "services": ("CodesClient",),
    "sync.code_interpreter": ("CodeInterpreterSync",),
}

if not TYPE_CHECKING:  # which would take any name for one of ours
    __getattr__, __dir__, __all__ = lazy(__name__, _NAMES)
