"""What a blocking interpreter can do. `CodesClientSync` is another name of `CodesSync`."""

from .code import CodesSync

CodesClientSync = CodesSync

__all__ = ["CodesClientSync", "CodesSync"]
