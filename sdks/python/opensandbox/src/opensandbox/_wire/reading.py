"""From an answer to what the caller wanted, or to the exception that says why not."""

from __future__ import annotations

from typing import TypeVar

from .errors import api_error, unexpected
from .message import Call, Response

T = TypeVar("T")


def read_answer(call: Call[T], response: Response) -> T:
    """
    Raises:
        SandboxApiException: another status than hoped for, or a body that does not fit.
    """
    if not call.accepts(response.status):
        raise api_error(response, call.doing)
    try:
        return call.parse(response)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise unexpected(response, call.doing, f"the answer cannot be read: {type(error).__name__}", error) from error
