"""Python contexts: results, streams, errors, state, isolation, interrupt."""
import threading
import time

import pytest
from code_interpreter import CodeInterpreterSync, SupportedLanguage
from opensandbox.exceptions import SandboxException
from opensandbox.models.execd_sync import ExecutionHandlersSync
from support import machine, wire
from support.machine import wait_for


@pytest.fixture
def codes(client):
    return CodeInterpreterSync.create(sandbox=client).codes


@pytest.fixture
def context(codes):
    return codes.create_context(SupportedLanguage.PYTHON)


def test_interpreter_is_ready_at_the_first_try(client):
    interpreter = CodeInterpreterSync.create(sandbox=client)
    assert interpreter.is_healthy() and interpreter.ping()


def test_results(codes, context):
    def value(code):
        run = codes.run(code, context=context)
        assert run.error is None, run.error
        return run.result[0].text if run.result else None

    assert value("1 + 1") == "2"
    assert value("x = 5") is None
    assert value("x") == "5"
    assert value("None") is None
    assert value("'text\\nwith newline'") == "'text\\nwith newline'"
    assert value("{'a': [1, 2]}") == "{'a': [1, 2]}"
    assert value("x;") is None
    assert value("def f():\n    return 7\n\nf()") == "7"
    assert value("import asyncio\nawait asyncio.sleep(0, 'waited')") == "'waited'"
    assert value("for i in range(3): pass\ni") == "2"


def test_indented_blocks(codes, context):
    assert codes.run("\n    y = 1\n    y + 1\n    ", context=context).result[0].text == "2"
    assert codes.run("    if True:\n        z = 'in'\n    z", context=context).result[0].text == "'in'"


def test_event_shape(execd):
    context = execd.request("POST", "/code/context", {"language": "python"}).json()
    events = execd.events({"code": "print('a'); 1 + 1", "context": context}, path="/code")
    kinds = [e["type"] for e in events if e["type"] != "ping"]
    assert kinds[0] == "init" and kinds[-1] == "execution_complete" and kinds.count("execution_complete") == 1
    assert kinds.index("stdout") < kinds.index("result")
    result = next(e for e in events if e["type"] == "result")["results"]
    assert result["text"] == "2" and result["text/plain"] == "2" and all(isinstance(v, str) for v in result.values())
    assert next(e for e in events if e["type"] == "execution_count")["execution_count"] == 1


def test_rich_results(execd, codes, context):
    code = "class R:\n    def _repr_html_(self): return '<b>x</b>'\n    def __repr__(self): return 'R!'\nR()"
    events = execd.events({"code": code, "context": {"language": "python"}}, path="/code")
    results = next(e for e in events if e["type"] == "result")["results"]
    assert results["text/html"] == "<b>x</b>" and results["text"] == results["text/plain"] == "R!"
    run = codes.run("class R:\n    def _repr_html_(self): return '<b>x</b>'\n    def __repr__(self): return 'R!'\nR()", context=context)
    assert run.result[0].text == "R!"


def test_streams(codes, context):
    seen = []
    run = codes.run("import sys\nprint('one'); print('two', end='')\nprint('bad', file=sys.stderr)", context=context,
                    handlers=ExecutionHandlersSync(on_stdout=lambda m: seen.append(m.text)))
    assert "".join(m.text for m in run.logs.stdout) == "one\ntwo" == "".join(seen)
    assert "".join(m.text for m in run.logs.stderr) == "bad\n"
    run = codes.run("import os, subprocess\nos.system('echo from a child')\nsubprocess.run(['echo', 'another'])\nNone", context=context)
    assert "from a child" in "".join(m.text for m in run.logs.stdout)
    run = codes.run("print('a\\u2028b\\x85c\\x0cd 世界')", context=context)
    assert "".join(m.text for m in run.logs.stdout) == "a\u2028b\x85c\x0cd 世界\n"


def test_errors_are_data_and_keep_the_context(codes, context):
    codes.run("kept = 'yes'", context=context)
    run = codes.run("def f():\n    1 / 0\nf()", context=context)
    assert run.error.name == "ZeroDivisionError" and run.error.value == "division by zero"
    assert any("ZeroDivisionError" in line for line in run.error.traceback) and any("f" in line for line in run.error.traceback)
    assert codes.run("def f(:\n pass", context=context).error.name == "SyntaxError"
    assert codes.run("raise KeyboardInterrupt", context=context).error.name == "KeyboardInterrupt"
    assert codes.run("import sys; sys.exit(3)", context=context).error.name == "SystemExit"
    assert codes.run("kept", context=context).result[0].text == "'yes'"


def test_contexts_are_apart(codes, context):
    other = codes.create_context(SupportedLanguage.PYTHON)
    codes.run("mine = 1", context=context)
    assert codes.run("mine", context=other).error.name == "NameError"
    codes.run("import os; os.environ['A'] = 'changed'; os.chdir('/tmp')", context=context)
    assert codes.run("import os; os.environ.get('A'), os.getcwd() == '/tmp'", context=other).result[0].text == "(None, False)"
    assert codes.run("'mine' in dir()", language=SupportedLanguage.PYTHON).result[0].text == "False"


def test_context_calls(codes):
    made = [codes.create_context(SupportedLanguage.PYTHON) for _ in range(2)]
    assert {c.id for c in made} <= {c.id for c in codes.list_contexts(SupportedLanguage.PYTHON)}
    assert codes.get_context(made[0].id).language == "python"
    codes.delete_context(made[0].id)
    with pytest.raises(SandboxException):
        codes.get_context(made[0].id)
    with pytest.raises(SandboxException):
        codes.delete_context(made[0].id)
    codes.delete_contexts(SupportedLanguage.PYTHON)
    assert codes.list_contexts(SupportedLanguage.PYTHON) == []
    assert codes.run("1", language=SupportedLanguage.PYTHON).result[0].text == "1", "a new default context"


def test_interrupt_keeps_the_context(codes, context):
    codes.run("kept = 1", context=context)
    for code in ("import time\nprint('on', flush=True)\nwhile True: time.sleep(1)", "print('on', flush=True)\nwhile True: pass"):
        started, ids, runs = threading.Event(), [], []
        handlers = ExecutionHandlersSync(on_init=lambda i: ids.append(i.id), on_stdout=lambda m: started.set())
        thread = threading.Thread(target=lambda: runs.append(codes.run(code, context=context, handlers=handlers)))
        thread.start()
        assert started.wait(30)
        codes.interrupt(ids[0])
        thread.join(30)
        assert runs and runs[0].error.name == "KeyboardInterrupt", runs
    assert codes.run("kept", context=context).result[0].text == "1"


def test_a_worker_that_dies_is_an_error_not_a_hang(server, execd):
    context = execd.request("POST", "/code/context", {"language": "python"}).json()
    with execd.connect() as connection:
        events = list(connection.events("POST", "/code", {"code": "import os; os.kill(os.getpid(), 9)", "context": context}, execd.headers))
    assert any(e["type"] == "error" for e in events), events
    assert wire.texts(execd.events({"code": "print('on')", "context": {"language": "python"}}, path="/code")) == "on\n"
    assert execd.run("echo ok") == "ok\n"


def settled(sandbox):
    """The number of processes when it has not changed for a second."""
    counts = [len(machine.processes_of(sandbox["id"]))]
    while len(counts) < 5 or len(set(counts[-5:])) > 1:
        time.sleep(0.25)
        counts.append(len(machine.processes_of(sandbox["id"])))
    return counts[-1]


def test_deleted_contexts_leave_no_process(server, sandbox, execd):
    execd.events({"code": "1", "context": {"language": "python"}}, path="/code")
    count = settled(sandbox)  # the zygote stays, the default context, and soon a process that waits to be the next one
    made = [execd.request("POST", "/code/context", {"language": "python"}).json() for _ in range(5)]
    for context in made:
        execd.events({"code": "import os; os.getpid()", "context": context}, path="/code")
        assert execd.request("DELETE", f"/code/contexts/{context['id']}").status == 200
    wait_for(lambda: len(machine.processes_of(sandbox["id"])) <= count, "the workers' end")


def test_much_output_is_bounded(server, sandbox, execd):
    events = 0
    with execd.connect(120) as connection:
        body = {"code": "for _ in range(200): print('w' * 999999)", "context": {"language": "python"}}
        connection.send("POST", "/code", body, execd.headers)
        assert connection.head().status == 200
        for chunk in connection.chunks():
            events += chunk.count(b"w")
    assert events == 200 * 999999
    assert machine.resident_kib(server.init_pid(sandbox["id"]), peak=True) < 64 * 1024


def test_a_busy_context_says_so_and_goes_on(execd):
    context = execd.request("POST", "/code/context", {"language": "python"}).json()
    execd.events({"code": "log = []", "context": context}, path="/code")
    slow = {"code": "import time\nlog.append('+'); print('begun', flush=True)\ntime.sleep(3)\nlog.append('-')", "context": context}
    with execd.connect() as connection:
        stream = connection.events("POST", "/code", slow, execd.headers)
        assert next(e for e in stream if e["type"] == "stdout")["text"].startswith("begun")
        refused = execd.events({"code": "log.append('never')", "context": context}, path="/code")
        assert refused[-1]["type"] == "error" and "busy" in refused[-1]["error"]["evalue"]
        assert list(stream)[-1]["type"] == "execution_complete"
    events = execd.events({"code": "''.join(log)", "context": context}, path="/code")
    assert next(e for e in events if e["type"] == "result")["results"]["text"] == "'+-'"


@pytest.mark.parametrize("language", ["cobol", "sql"])
def test_languages_that_are_not_there_are_refused(execd, language):
    reply = execd.request("POST", "/code/context", {"language": language})
    assert 400 <= reply.status < 600 and language in reply.json()["message"]
    reply = execd.request("POST", "/code", {"code": "1", "context": {"language": language}})
    assert 400 <= reply.status < 600 and language in reply.json()["message"]


def test_bad_requests(execd):
    assert execd.request("POST", "/code", {"code": "", "context": {"language": "python"}}).status == 400
    assert execd.request("POST", "/code", b"{").status == 400
    assert execd.request("POST", "/code", {"code": 5}).status == 400
    assert execd.request("POST", "/code", {"code": "1", "context": {"id": "none", "language": "python"}}).status in (404, 500)
    assert execd.request("GET", "/code/contexts/none").status == 404
    assert execd.request("DELETE", "/code/contexts/none").status == 404
    assert execd.request("DELETE", "/code/contexts").status == 400
    assert execd.request("DELETE", "/code").status == 400
    assert execd.request("DELETE", "/code?id=none").status in (404, 500)
