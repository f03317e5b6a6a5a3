"""`__version__` is the release of the public client whose surface this is, three numbers that programs compare. `BUILD` is the version
of the distribution: the same with our own count behind it."""

__version__ = "1.1.1"
BUILD = "1.1.1+cpp.1"
