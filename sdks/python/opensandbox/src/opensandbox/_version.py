"""The release of the API that this speaks, and our own build of it."""

__version__ = "1.1.1+cpp.1"
