"""When a request is sent again, and after which pause. No I/O: `Retries` decides, a client sleeps and sends."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from http import HTTPStatus

from .._wire.errors import retry_after
from .._wire.message import IDEMPOTENT, Response

_LONGEST_WAIT = timedelta(seconds=60)  # of what a server may ask for


class JitterMode(str, Enum):
    """How pauses are spread, so that many clients don't come back at once."""

    NONE = "none"
    FULL = "full"
    DECORRELATED = "decorrelated"

    def __str__(self) -> str:
        return self.value


class RetryCause(str, Enum):
    """Why a request is sent again."""

    PRE_SEND = "pre_send"
    READ_TIMEOUT = "read_timeout"
    WRITE_TIMEOUT = "write_timeout"
    UNEXPECTED_EOF = "unexpected_eof"
    STATUS_408 = "status_408"
    STATUS_425 = "status_425"
    STATUS_429 = "status_429"
    STATUS_500 = "status_500"
    STATUS_502 = "status_502"
    STATUS_503 = "status_503"
    STATUS_504 = "status_504"
    STATUS_OTHER = "status_other"
    OPAQUE_TRANSPORT = "opaque_transport"

    def __str__(self) -> str:
        return self.value

    @classmethod
    def for_status(cls, status_code: int) -> RetryCause:
        """The cause that names a status."""
        try:
            return cls(f"status_{status_code}")
        except ValueError:
            return cls.STATUS_OTHER


@dataclass(frozen=True)
class RetryEvent:
    """What `RetryPolicy.on_retry` is told before the pause.

    Attributes:
        attempt: number of the attempt that failed, from 1.
        retries_used: how many retries there will have been.
        backoff: the pause.
    """

    attempt: int
    retries_used: int
    method: str
    url: str
    cause: RetryCause
    status_code: int | None
    backoff: timedelta
    request_id: str | None
    exception: BaseException | None


def is_idempotent_method(method: str) -> bool:
    """Whether sending it twice does what sending it once does.

    Example:
        >>> from opensandbox.transport.retry import is_idempotent_method
        >>> is_idempotent_method("get"), is_idempotent_method("POST")
        (True, False)
    """
    return method.upper() in IDEMPOTENT


@dataclass(frozen=True)
class RetryPolicy:
    """When and how often a request is sent again.

    Failures before the request was sent are retried for every method, lost answers only for idempotent ones (GET, HEAD, PUT,
    DELETE, OPTIONS). Event streams are not retried by this policy; they are resumed.

    Attributes:
        max_retries: besides the first attempt; 0 switches retries off.
        initial_backoff, max_backoff: bounds of the pause.
        backoff_multiplier: growth of the pause, at least 1.
        jitter: how pauses are spread.
        retryable_status_codes_idempotent: for idempotent methods.
        retryable_status_codes_non_idempotent: for the others.
        per_attempt_timeout: of one attempt; None: the request timeout.
        overall_deadline: of all attempts and pauses; None: none.
        on_retry: is told of each retry; what it raises is raised.

    Raises:
        ValueError: for negative values.

    Example:
        >>> from opensandbox.transport.retry import RetryPolicy
        >>> RetryPolicy().max_retries, RetryPolicy.disabled().wraps_transport()
        (3, False)
    """

    max_retries: int = 3
    initial_backoff: timedelta = timedelta(milliseconds=500)
    max_backoff: timedelta = timedelta(seconds=30)
    backoff_multiplier: float = 2.0
    jitter: JitterMode = JitterMode.DECORRELATED
    retryable_status_codes_idempotent: frozenset[HTTPStatus] = frozenset(
        {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}
    )
    retryable_status_codes_non_idempotent: frozenset[HTTPStatus] = field(default_factory=frozenset[HTTPStatus])
    per_attempt_timeout: timedelta | None = None
    overall_deadline: timedelta | None = None
    on_retry: Callable[[RetryEvent], None] | None = None

    def __post_init__(self) -> None:
        if self.max_retries < 0:
            raise ValueError("max_retries must not be negative")
        if self.initial_backoff < timedelta(0) or self.max_backoff < timedelta(0):
            raise ValueError("pauses must not be negative")
        if self.backoff_multiplier < 1:
            raise ValueError("backoff_multiplier must be at least 1")
        for limit in (self.per_attempt_timeout, self.overall_deadline):
            if limit is not None and limit <= timedelta(0):
                raise ValueError("timeouts must be more than 0")

    @classmethod
    def disabled(cls) -> RetryPolicy:
        """Nothing is sent twice."""
        return cls(max_retries=0)

    def retryable_statuses_for(self, method: str) -> frozenset[HTTPStatus]:
        """The statuses after which a request of that method is sent again."""
        idempotent = is_idempotent_method(method)
        return self.retryable_status_codes_idempotent if idempotent else self.retryable_status_codes_non_idempotent

    def wraps_transport(self) -> bool:
        """Whether it does anything."""
        return self.max_retries > 0 or self.per_attempt_timeout is not None or self.overall_deadline is not None


class Retries:
    """The retries of one request. Each method gives the pause in seconds, or None when the failure stands."""

    def __init__(
        self,
        policy: RetryPolicy,
        method: str,
        url: str,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._policy = policy
        self._method = method
        self._url = url
        self._clock = clock
        self._chance = chance
        self._begun = clock()
        self._used = 0
        self._last = policy.initial_backoff.total_seconds()

    def timeout(self, default: float | None) -> float | None:
        """Seconds that the next attempt may take."""
        limits = [default]
        if self._policy.per_attempt_timeout is not None:
            limits.append(self._policy.per_attempt_timeout.total_seconds())
        if self._policy.overall_deadline is not None:
            limits.append(max(0.001, self._left()))
        given = [limit for limit in limits if limit is not None]
        return min(given) if given else None

    def after_answer(self, response: Response) -> float | None:
        """Seconds to wait before the next attempt; None: the answer stands."""
        if response.status not in self._policy.retryable_statuses_for(self._method):
            return None
        wanted = retry_after(response)
        pause = None if wanted is None else min(wanted, _LONGEST_WAIT).total_seconds()
        return self._again(RetryCause.for_status(response.status), pause, response, None)

    def after_failure(self, cause: RetryCause, error: BaseException, replayable: bool) -> float | None:
        """`replayable`: the body can be sent once more."""
        if not replayable or (cause is not RetryCause.PRE_SEND and self._method not in IDEMPOTENT):
            return None
        return self._again(cause, None, None, error)

    def _left(self) -> float:
        deadline = self._policy.overall_deadline
        return float("inf") if deadline is None else deadline.total_seconds() - (self._clock() - self._begun)

    def _again(
        self, cause: RetryCause, pause: float | None, response: Response | None, error: BaseException | None
    ) -> float | None:
        if self._used >= self._policy.max_retries:
            return None
        pause = self._backoff() if pause is None else pause
        if pause >= self._left():
            return None
        self._used += 1
        if self._policy.on_retry is not None:
            status = None if response is None else response.status
            request_id = None if response is None else response.request_id
            self._policy.on_retry(RetryEvent(self._used, self._used, self._method, self._url, cause, status,
                                             timedelta(seconds=pause), request_id, error))
        return pause

    def _backoff(self) -> float:
        policy = self._policy
        first, most = policy.initial_backoff.total_seconds(), policy.max_backoff.total_seconds()
        step = float(min(most, first * policy.backoff_multiplier ** self._used))
        if policy.jitter is JitterMode.FULL:
            return self._chance(0.0, step)
        if policy.jitter is JitterMode.DECORRELATED:
            self._last = min(most, self._chance(first, max(first, self._last * 3)))
            return self._last
        return step
