"""What can go wrong, as classes. Everything is a `SandboxException`; programs decide by class and by `error.code`.

Classes below `SandboxApiException` mean that a server answered; those below `SandboxInternalException` mean that no usable
answer came. The typed subclasses (not found, conflict, unauthorized, capacity) are chosen from the status alone, so code that
catches `SandboxApiException` keeps working.
"""

from __future__ import annotations

from datetime import timedelta


class SandboxError:
    """A code for programs and a text for people.

    Args:
        code: one of the constants below, or what the server sent, such as `DOCKER::SANDBOX_NOT_FOUND`.
        message: why; None when the code says all.

    Example:
        >>> from opensandbox.exceptions import SandboxError
        >>> SandboxError("TIMEOUT", "no answer for 30 s").code
        'TIMEOUT'
    """

    INTERNAL_UNKNOWN_ERROR = "INTERNAL_UNKNOWN_ERROR"
    READY_TIMEOUT = "READY_TIMEOUT"
    UNHEALTHY = "UNHEALTHY"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    UNEXPECTED_RESPONSE = "UNEXPECTED_RESPONSE"
    RATE_LIMIT = "RATE_LIMIT"
    TIMEOUT = "TIMEOUT"
    CONNECTION = "CONNECTION"
    POOL_EMPTY = "POOL_EMPTY"
    POOL_ACQUIRE_FAILED = "POOL_ACQUIRE_FAILED"
    POOL_NOT_RUNNING = "POOL_NOT_RUNNING"
    POOL_DESTROYED = "POOL_DESTROYED"
    POOL_DESTROY_INCOMPLETE = "POOL_DESTROY_INCOMPLETE"
    POOL_STATE_STORE_UNAVAILABLE = "POOL_STATE_STORE_UNAVAILABLE"
    POOL_STATE_STORE_CONTENTION = "POOL_STATE_STORE_CONTENTION"

    def __init__(self, code: str, message: str | None = None) -> None:
        self.code = code
        self.message = message

    def __repr__(self) -> str:
        return f"SandboxError(code={self.code!r}, message={self.message!r})"


class SandboxException(Exception):
    """The root of all exceptions of this package.

    Attributes:
        error: code and message, never None.
        request_id: what the server called the request (`X-Request-ID`), or None.
        is_retryable: whether the same call may succeed later.
    """

    def __init__(
        self,
        message: str | None = None,
        cause: Exception | None = None,
        error: SandboxError | None = None,
        request_id: str | None = None,
        is_retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.__cause__: BaseException | None = cause
        self.error: SandboxError = error or SandboxError(SandboxError.INTERNAL_UNKNOWN_ERROR, message)
        self.request_id = request_id
        self._is_retryable = is_retryable

    @property
    def is_retryable(self) -> bool:
        """Whether the same call may succeed later."""
        return self._is_retryable

    def __str__(self) -> str:
        message = self.args[0] if self.args and self.args[0] else ""
        parts = [message] if message else []
        detail = self.error.message
        parts.append(f"[{self.error.code}] {detail}" if detail and detail != message else f"[{self.error.code}]")
        if self.request_id:
            parts.append(f"request_id={self.request_id}")
        return " | ".join(parts)


class SandboxApiException(SandboxException):
    """A server refused, or answered something that cannot be used.

    Attributes:
        status_code: HTTP status, None when there was none.
        response_body: the first bytes of the answer, None when there were none.
    """

    def __init__(
        self,
        message: str | None = None,
        cause: Exception | None = None,
        status_code: int | None = None,
        error: SandboxError | None = None,
        request_id: str | None = None,
        response_body: bytes | None = None,
        is_retryable: bool = False,
    ) -> None:
        error = error or SandboxError(SandboxError.UNEXPECTED_RESPONSE, message)
        super().__init__(message, cause, error, request_id, is_retryable)
        self.status_code = status_code
        self.response_body = response_body


class SandboxNotFoundException(SandboxApiException):
    """404: no such sandbox, command, file, context or route."""


class SandboxConflictException(SandboxApiException):
    """409: the state of the thing does not allow this now, or the name is taken."""


class SandboxUnauthorizedException(SandboxApiException):
    """401 or 403: the key or token is missing, wrong, or not enough."""


class SandboxRateLimitException(SandboxApiException):
    """429: too much at a time.

    Attributes:
        retry_after: how long the server wants the caller to wait, None if it did not say.
    """

    def __init__(
        self,
        message: str | None = None,
        cause: Exception | None = None,
        status_code: int | None = 429,
        error: SandboxError | None = None,
        request_id: str | None = None,
        retry_after: timedelta | None = None,
        response_body: bytes | None = None,
        is_retryable: bool = False,
    ) -> None:
        error = error or SandboxError(SandboxError.RATE_LIMIT, message)
        super().__init__(message, cause, status_code, error, request_id, response_body, is_retryable)
        self.retry_after = retry_after


class SandboxCapacityException(SandboxRateLimitException):
    """The server has no room for what was asked: its code tells of exhausted capacity or quota, or the status is 507."""


class SandboxInternalException(SandboxException):
    """No answer that says anything: the network, or a defect."""

    def __init__(
        self,
        message: str | None = None,
        cause: Exception | None = None,
        error: SandboxError | None = None,
        is_retryable: bool = False,
    ) -> None:
        error = error or SandboxError(SandboxError.INTERNAL_UNKNOWN_ERROR, message)
        super().__init__(message, cause, error, None, is_retryable)


class SandboxTimeoutException(SandboxInternalException):
    """Nothing came within the request timeout."""

    def __init__(self, message: str | None = None, cause: Exception | None = None, is_retryable: bool = False) -> None:
        super().__init__(message, cause, SandboxError(SandboxError.TIMEOUT, message), is_retryable)


class SandboxConnectionException(SandboxInternalException):
    """The connection could not be made, or broke off."""

    def __init__(self, message: str | None = None, cause: Exception | None = None, is_retryable: bool = False) -> None:
        super().__init__(message, cause, SandboxError(SandboxError.CONNECTION, message), is_retryable)


class SandboxReadyTimeoutException(SandboxException):
    """The sandbox did not become ready in time; the message says what was tried and what answered."""

    def __init__(self, message: str | None = None, cause: Exception | None = None) -> None:
        super().__init__(message, cause, SandboxError(SandboxError.READY_TIMEOUT, message))


class SandboxUnhealthyException(SandboxException):
    """For custom health checks: raise it to say that a sandbox is not usable."""

    def __init__(self, message: str | None = None, cause: Exception | None = None) -> None:
        super().__init__(message, cause, SandboxError(SandboxError.UNHEALTHY, message))


class InvalidArgumentException(SandboxException):
    """A value that cannot be meant; found before anything was sent."""

    def __init__(self, message: str | None = None, cause: Exception | None = None) -> None:
        super().__init__(message, cause, SandboxError(SandboxError.INVALID_ARGUMENT, message))


class PoolEmptyException(SandboxException):
    """Nothing idle, and the policy forbids creating."""

    def __init__(
        self, message: str | None = "No idle sandbox available and policy is FAIL_FAST", cause: Exception | None = None
    ) -> None:
        super().__init__(message, cause, SandboxError(SandboxError.POOL_EMPTY, message))


class PoolAcquireFailedException(SandboxException):
    """There were idle sandboxes, but none of those tried could be used."""

    def __init__(
        self,
        message: str | None = "Acquire failed due to unusable idle sandbox candidate(s)",
        cause: Exception | None = None,
    ) -> None:
        super().__init__(message, cause, SandboxError(SandboxError.POOL_ACQUIRE_FAILED, message))


class PoolNotRunningException(SandboxException):
    """The pool has not been started, or is ending."""

    def __init__(self, message: str | None = "Pool is not running", cause: Exception | None = None) -> None:
        super().__init__(message, cause, SandboxError(SandboxError.POOL_NOT_RUNNING, message))


class PoolDestroyedException(SandboxException):
    """The pool of that name was destroyed; start another name or wait until its tombstone is gone."""

    def __init__(self, message: str | None = "Pool namespace is destroyed", cause: Exception | None = None) -> None:
        super().__init__(message, cause, SandboxError(SandboxError.POOL_DESTROYED, message))


class PoolDestroyIncompleteException(SandboxException):
    """Destroying a pool did not finish; it may be tried again."""

    def __init__(self, message: str | None = "Pool destroy did not complete", cause: Exception | None = None) -> None:
        super().__init__(message, cause, SandboxError(SandboxError.POOL_DESTROY_INCOMPLETE, message))


class PoolStateStoreUnavailableException(SandboxException):
    """The store of the pool (Redis) does not answer."""

    def __init__(self, message: str | None = None, cause: Exception | None = None) -> None:
        super().__init__(message, cause, SandboxError(SandboxError.POOL_STATE_STORE_UNAVAILABLE, message))


class PoolStateStoreContentionException(SandboxException):
    """Kept for programs written for 0.1; nothing raises it."""

    def __init__(self, message: str | None = None, cause: Exception | None = None) -> None:
        super().__init__(message, cause, SandboxError(SandboxError.POOL_STATE_STORE_CONTENTION, message))
