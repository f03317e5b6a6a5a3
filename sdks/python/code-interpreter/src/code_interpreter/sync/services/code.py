"""Code in contexts. Made by tools/unasync.py; edit the async text."""

from __future__ import annotations

from opensandbox._wire import execd
from opensandbox.exceptions import InvalidArgumentException, SandboxException
from opensandbox.models.execd import Execution
from opensandbox.models.execd_sync import ExecutionHandlersSync
from opensandbox.sync.services._endpoint import Endpoint
from opensandbox.sync.services._runs import Run

from ...models.code_sync import CodeContextSync, SupportedLanguageSync


class CodesSync:
    """Runs code; `interpreter.codes`.

    All methods raise `SandboxApiException` (or a subclass, such as `SandboxNotFoundException`) when the sandbox refuses, and
    `SandboxConnectionException` or `SandboxTimeoutException` when it does not answer.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def run(
        self,
        code: str,
        *,
        language: str | None = None,
        context: CodeContextSync | None = None,
        handlers: ExecutionHandlersSync | None = None,
    ) -> Execution:
        """Run code, in a context or in the default one of a language, where state stays, too.

        Args:
            code: not blank; may be indented as a whole.
            language: one of `SupportedLanguageSync`; default: that of the context, else Python.
            context: of `create_context`; default: the default one of the language.
            handlers: hear of output while it comes. Exceptions of theirs are logged, and the run goes on.

        Returns:
            The run: the value of its last expression is the last of `result`. Errors of the code are in `error`, not raised.

        Raises:
            InvalidArgumentException: blank code, or a language that is not that of the context.
            SandboxNotFoundException: no such context.

        Example:
            >>> run = interpreter.codes.run("print('hi')\\n6 * 7")
            >>> run.logs.stdout[0].text, run.result[0].text
            ('hi\\n', '42')
            >>> (interpreter.codes.run("1 / 0")).error.name
            'ZeroDivisionError'
        """
        if context is not None and language is not None and language != context.language:
            raise InvalidArgumentException(f"the context is for {context.language}, not for {language}")
        name = language or (context.language if context is not None else SupportedLanguageSync.PYTHON)
        call = execd.run_code(code, name, context.id if context is not None else None, execd.new_key())
        return Run(self._endpoint, handlers, code=True, forgiving=True).follow(call)

    def create_context(self, language: str) -> CodeContextSync:
        """Make a context.

        Args:
            language: one of `SupportedLanguageSync`.

        Raises:
            SandboxApiException: 400 for a language that the sandbox does not run.

        Example:
            >>> from code_interpreter import SupportedLanguageSync
            >>> context = interpreter.codes.create_context(SupportedLanguageSync.PYTHON)
            >>> _ = interpreter.codes.run("x = 5", context=context)
            >>> (interpreter.codes.run("x + 1", context=context)).result[0].text
            '6'
            >>> interpreter.codes.delete_context(context.id)
        """
        return _context(self._endpoint.call(execd.create_context(language)))

    def get_context(self, context_id: str) -> CodeContextSync:
        """A context by id.

        Raises:
            SandboxNotFoundException: no such context.
        """
        return _context(self._endpoint.call(execd.get_context(context_id)))

    def list_contexts(self, language: str) -> list[CodeContextSync]:
        """The contexts of a language, the default one included if it runs."""
        return [_context(value) for value in self._endpoint.call(execd.list_contexts(language))]

    def delete_context(self, context_id: str) -> None:
        """End a context with all its processes.

        Raises:
            SandboxNotFoundException: no such context.
        """
        self._endpoint.call(execd.delete_context(context_id))

    def delete_contexts(self, language: str) -> None:
        """End all contexts of a language."""
        self._endpoint.call(execd.delete_contexts(language))

    def interrupt(self, execution_id: str) -> None:
        """End what runs; the context keeps its state.

        Args:
            execution_id: `Execution.id`, or the id that `on_init` got: that of the context.

        Raises:
            SandboxNotFoundException: no such run or context.
        """
        self._endpoint.call(execd.interrupt(execution_id, "code"))

    def fork(self, context: CodeContextSync, count: int = 1) -> list[CodeContextSync]:
        """Copies of a context with all its state, which then go their own ways.

        Args:
            context: which one.
            count: how many copies, at least 1.

        Raises:
            SandboxApiException: 404 where the sandbox cannot fork contexts, 400 for languages that cannot be forked.
        """
        return [_context(value) for value in self._endpoint.call(execd.fork_context(_id(context), count))]

    def checkpoint(self, context: CodeContextSync) -> str:
        """Keep the state of a context as it is now.

        Returns:
            An id for `restore`.

        Raises:
            SandboxApiException: where the sandbox cannot do that.
        """
        return self._endpoint.call(execd.checkpoint_context(_id(context)))

    def restore(self, context: CodeContextSync, checkpoint_id: str) -> None:
        """Undo: give a context the state that it had at a checkpoint.

        Raises:
            SandboxNotFoundException: no such context or checkpoint.
        """
        self._endpoint.call(execd.restore_context(_id(context), checkpoint_id))

    def ping(self) -> bool:
        """Whether the daemon of the sandbox answers; False for any failure."""
        try:
            self._endpoint.call(execd.ping())
        except SandboxException:
            return False
        return True


def _id(context: CodeContextSync) -> str:
    if not context.id:
        raise InvalidArgumentException("the context has no id; make one with create_context")
    return context.id


def _context(value: dict[str, object]) -> CodeContextSync:
    return CodeContextSync.model_validate(value)
