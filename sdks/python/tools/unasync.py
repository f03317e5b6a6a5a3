"""Makes the blocking client from the async one, so that neither can do what the other cannot.

    python tools/unasync.py          write the files
    python tools/unasync.py --check  say which files differ from what would be written; status 1 if any does

The rules are words, applied to Python tokens: comments and strings are text, except docstrings, where code examples change too.
What is different by nature (sockets, threads, event loops) is not made from anything: `_io_async.py` and `_io_sync.py`.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
BOX = HERE / "opensandbox" / "src" / "opensandbox"
INTERPRETER = HERE / "code-interpreter" / "src" / "code_interpreter"

# async file -> blocking file
FILES = {
    BOX / "config" / "connection.py": BOX / "config" / "connection_sync.py",
    BOX / "_client.py": BOX / "sync" / "_client.py",
    BOX / "sandbox.py": BOX / "sync" / "sandbox.py",
    BOX / "manager.py": BOX / "sync" / "manager.py",
    BOX / "pool_async.py": BOX / "sync" / "pool.py",
    BOX / "pool_manager_async.py": BOX / "sync" / "pool_manager.py",
    BOX / "async_redis_pool_store.py": BOX / "redis_pool_store.py",
    **{
        BOX / "services" / f"{name}.py": BOX / "sync" / "services" / f"{name}.py"
        for name in ("_endpoint", "_runs", "command", "diagnostics", "egress", "filesystem", "health", "isolated", "metrics",
                     "pty", "sandbox", "watch")
    },
    INTERPRETER / "code_interpreter.py": INTERPRETER / "sync" / "code_interpreter.py",
    INTERPRETER / "services" / "code.py": INTERPRETER / "sync" / "services" / "code.py",
}

# Public classes that have a blocking twin.
TWINS = (
    "Sandbox", "SandboxManager", "ConnectionConfig", "ExecutionHandlers", "Sandboxes", "Filesystem", "Commands", "Health", "Metrics",
    "Egress", "CredentialVault", "Diagnostics", "IsolationService", "IsolationSession", "Terminals", "PtySession", "FileWatch",
    "CodeInterpreter", "Codes", "CodeContext", "SupportedLanguage", "CodesClient", "ExecutionContext",
)  # fmt: skip

WORDS = {
    **{name: f"{name}Sync" for name in TWINS},
    "IsolationServiceMixin": "IsolationServiceSyncMixin",
    "SandboxPoolAsync": "SandboxPoolSync",
    "AsyncPoolConfig": "PoolConfig",
    "AsyncPoolStateStore": "PoolStateStore",
    "AsyncPooledSandboxCreator": "PooledSandboxCreator",
    "InMemoryAsyncPoolStateStore": "InMemoryPoolStateStore",
    "AsyncRedisPoolStateStore": "RedisPoolStateStore",
    "SandboxPoolManagerAsync": "SandboxPoolManagerSync",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aclose": "close",
    "aiter_bytes": "iter_bytes",
    "StopAsyncIteration": "StopIteration",
    "AsyncIterator": "Iterator",
    "AsyncGenerator": "Generator",
    "asynccontextmanager": "contextmanager",
    "AbstractAsyncContextManager": "AbstractContextManager",
    "AsyncTransport": "Transport",
    "handle_async_request": "handle_request",
    "AsyncClient": "Client",
    "AsyncHTTPTransport": "HTTPTransport",
    "AsyncBaseTransport": "BaseTransport",
    "RetryAsyncTransport": "RetrySyncTransport",
    "keep_secrets_home_async": "keep_secrets_home",
    "_io_async": "_io_sync",
    "try_take_idle_with_min_ttl_async": "try_take_idle_with_min_ttl",
    "reap_expired_idle_with_min_ttl_async": "reap_expired_idle_with_min_ttl",
}

# The async package `opensandbox` has its blocking files one folder deeper.
SYNC_HOMES = {"_client", "sandbox", "manager", "services", "code_interpreter"}


def to_sync(source: str, package: str) -> str:
    """`package` is `opensandbox` or `code_interpreter`."""
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    out: list[tuple[tuple[int, int], tuple[int, int], str]] = []
    for i, token in enumerate(tokens):
        text = token.string
        if token.type == tokenize.NAME:
            if text in ("async", "await"):
                out.append((token.start, token.end, ""))
                continue
            text = WORDS.get(text, text)
        elif token.type == tokenize.STRING:
            before = tokens[i - 1].type if i else tokenize.NEWLINE
            if before in (tokenize.INDENT, tokenize.NEWLINE, tokenize.NL, tokenize.ENCODING, tokenize.DEDENT) or i == 0:
                text = docstring(text)
            elif text[1:-1] in WORDS:
                text = text[0] + WORDS[text[1:-1]] + text[-1]
        out.append((token.start, token.end, text))
    return imports(join(source, out), package)


def join(source: str, tokens: list[tuple[tuple[int, int], tuple[int, int], str]]) -> str:
    """The tokens with the white space that stood between them; none behind a word that went away."""
    lines = source.splitlines(keepends=True)
    pieces, at, gone = [], (1, 0), False
    for start, end, text in tokens:
        if start[0] == at[0]:
            space = lines[at[0] - 1][at[1] : start[1]] if at[0] <= len(lines) else ""
        else:
            space = (lines[at[0] - 1][at[1] :] if at[0] <= len(lines) else "") + "".join(lines[at[0] : start[0] - 1])
            space += lines[start[0] - 1][: start[1]] if start[0] <= len(lines) else ""
        pieces.append("" if gone else space)
        pieces.append(text)
        gone = text == "" and start != end
        at = end
    return "".join(pieces)


def docstring(text: str) -> str:
    """Examples lose `async` and `await`; everywhere names get their twins."""
    done = []
    for line in text.split("\n"):
        if re.match(r"\s*(>>>|\.\.\.) ", line):
            line = re.sub(r"\b(await|async) ", "", line)
            line = line.replace("asyncio.sleep", "time.sleep").replace("import asyncio", "import time")
        else:
            line = line.replace("`async with`", "`with`").replace("async function", "function").replace("Async function", "Function")
            line = line.replace("the async client", "the blocking client").replace("async functions", "functions")
            line = line.replace("`redis.asyncio.Redis`", "`redis.Redis`").replace("for async pools", "for blocking pools")
            line = line.replace("an httpx.AsyncBaseTransport", "an httpx.BaseTransport")
            line = line.replace("the async face", "the blocking face").replace("Used from one event loop.", "Usable from several threads.")
            line = line.replace("The blocking one is made from this text by tools/unasync.py.", "Made by tools/unasync.py; edit the async text.")
            line = line.replace("The blocking one, `SandboxSync`, is made from this text by tools/unasync.py.",
                                "Made by tools/unasync.py; edit the async text.")
            line = line.replace("The blocking client is made from this text.", "Made by tools/unasync.py; edit the async text.")
            line = line.replace("Written once: the blocking client is made from this text by tools/unasync.py.",
                                "Made by tools/unasync.py; edit the async text.")
        line = re.sub(r"\b(" + "|".join(TWINS[:4]) + r"|SandboxPoolAsync|CodeInterpreter|SupportedLanguage|CodeContext|InMemoryAsyncPoolStateStore)\b(?!\()(?=[`.]|$| import|\b.*>>>|, )",
                      lambda m: WORDS[m[1]] if ">>>" in line or "`" in line else m[1], line)
        if ">>>" in line or "... " in line:
            line = re.sub(r"\b(" + "|".join(map(re.escape, WORDS)) + r")\b", lambda m: WORDS[m[1]], line)
            line = line.replace("SyncSync", "Sync")
        done.append(line)
    return "\n".join(done)


def imports(text: str, package: str) -> str:
    """Relative imports from one folder deeper."""
    if _same_folder[0]:
        return text

    def fix(match: re.Match[str]) -> str:
        indent, dots, rest, names = match[1], match[2], match[3], match[4]
        first = rest.split(".")[0] if rest else names.split()[0]
        if not rest:  # from . import x, y
            first = names.split(",")[0].split()[0]
        if first in SYNC_HOMES or (dots == "." and package == "opensandbox" and rest.startswith("_endpoint")):
            return match[0]
        if dots == "." and rest and (first in ("_runs", "_endpoint") or (BOX / "services" / f"{first}.py").exists()) and _in_services[0]:
            return match[0]
        return f"{indent}from {dots}.{rest} import {names}"

    text = re.sub(r"^([ ]*)from (\.+)([\w.]*) import (.*)$", fix, text, flags=re.M)
    text = text.replace("from opensandbox.config.connection import", "from opensandbox.config.connection_sync import")
    text = text.replace("config.connection import", "config.connection_sync import")
    text = re.sub(r"from (\.+)config import ConnectionConfigSync", r"from \1config import ConnectionConfigSync", text)
    return text


_in_services = [False]
_same_folder = [False]


def handlers(text: str) -> str:
    """The handlers of the blocking client live in a module of their own."""

    def fix(match: re.Match[str]) -> str:
        names = [name.strip() for name in match[3].split(",")]
        names.remove("ExecutionHandlersSync")
        lines = f"{match[1]}from {match[2]}models.execd import {', '.join(names)}\n" if names else ""
        return f"{lines}{match[1]}from {match[2]}models.execd_sync import ExecutionHandlersSync"

    return re.sub(r"^( *)from ([\w.]*)models\.execd import ([^\n(]*\bExecutionHandlersSync\b[^\n(]*)$", fix, text, flags=re.M)


def convert(source: Path) -> str:
    _in_services[0] = source.parent.name == "services"
    _same_folder[0] = source.parent == FILES[source].parent
    text = to_sync(source.read_text(), "code_interpreter" if INTERPRETER in source.parents else "opensandbox")
    text = re.sub(r"(Awaitable|Coroutine)\[(?:Any, Any, )?(None|bool|Any|T|Place|SandboxSync|SandboxManagerSync)\]", r"\2", text)
    text = re.sub(r"\bGenerator\[(\w+), None\]", r"Generator[\1, None, None]", text)
    text = re.sub(r"^from collections\.abc import (.*)$", drop_unused_awaitable, text, flags=re.M)
    text = text.replace("from opensandbox.sandbox import", "from opensandbox.sync.sandbox import")
    text = text.replace("from opensandbox.services.", "from opensandbox.sync.services.")
    text = text.replace("from opensandbox import _io_async", "from opensandbox import _io_sync")
    text = text.replace("from opensandbox._client import", "from opensandbox.sync._client import")
    text = text.replace("from redis.asyncio import", "from redis import")
    text = text.replace("models.code import", "models.code_sync import") if "code_interpreter" in str(source) else text
    text = re.sub(r"\n\n*AsyncSandboxPool = .*", "", handlers(text), flags=re.S) + "\n" if source.name == "pool_async.py" else handlers(text)
    compile(text, str(FILES[source]), "exec")  # an `await` inside an f-string is one token to us, and an error here
    return text


def drop_unused_awaitable(match: re.Match[str]) -> str:
    names = [name.strip() for name in match[1].split(",")]
    names = sorted(set(name for name in names if name not in ("Awaitable", "Coroutine")))
    return f"from collections.abc import {', '.join(names)}" if names else ""


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    different = []
    for source, target in FILES.items():
        if not source.exists():
            continue
        text = convert(source)
        if target.exists() and target.read_text() == text:
            continue
        different.append(target)
        if not check:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    for target in different:
        print(f"{'differs' if check else 'wrote'}: {target.relative_to(HERE)}")
    return 1 if check and different else 0


if __name__ == "__main__":
    sys.exit(main())
