"""What an interpreter can do. `CodesClient` is another name of `Codes`."""

from .code import Codes

CodesClient = Codes

__all__ = ["Codes", "CodesClient"]
