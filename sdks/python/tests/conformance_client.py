"""Carries out one call of a conformance scenario and tells its outcome: `conformance_client.py async|sync ADDRESS`, the call on the input."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import inspect
import json
import sys
from datetime import timedelta

from opensandbox.exceptions import (
    InvalidArgumentException,
    SandboxApiException,
    SandboxCapacityException,
    SandboxConflictException,
    SandboxConnectionException,
    SandboxException,
    SandboxNotFoundException,
    SandboxRateLimitException,
    SandboxTimeoutException,
    SandboxUnauthorizedException,
)

KINDS = (
    (SandboxCapacityException, "capacity"), (SandboxRateLimitException, "rate_limit"), (SandboxNotFoundException, "not_found"),
    (SandboxConflictException, "conflict"), (SandboxUnauthorizedException, "unauthorized"), (SandboxApiException, "api"),
    (SandboxTimeoutException, "timeout"), (SandboxConnectionException, "connection"), (InvalidArgumentException, "invalid"),
)  # fmt: skip


async def done(value):
    return await value if inspect.isawaitable(value) else value


def told(text):
    if text is None or len(text) <= 1000:
        return text
    data = text.encode("utf-8", "surrogatepass")
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def failure(error):
    kind = next((name for kind, name in KINDS if isinstance(error, kind)), "other")
    after = getattr(error, "retry_after", None)
    return {"failure": {
        "kind": kind, "code": error.error.code, "message": error.error.message, "status": getattr(error, "status_code", None),
        "request_id": error.request_id, "retryable": error.is_retryable, "text": str(error),
        "retry_after_ms": None if after is None else round(after.total_seconds() * 1000)}}  # fmt: skip


def execution(run):
    return {
        "id": run.id, "exit_code": run.exit_code, "complete_ms": run.complete and run.complete.execution_time_in_millis,
        "stdout": [told(m.text) for m in run.logs.stdout][:100], "stderr": [told(m.text) for m in run.logs.stderr][:100],
        "stdout_count": len(run.logs.stdout), "stamps": [m.timestamp for m in [*run.logs.stdout, *run.logs.stderr]][:100],
        "text": told(run.text), "results": [{"text": r.text, "forms": r.extra_properties} for r in run.result],
        "error": run.error and {"name": run.error.name, "value": run.error.value, "traceback": run.error.traceback}}  # fmt: skip


def info(box):
    return {"id": box.id, "state": box.status.state, "image": box.image and box.image.image,
            "created_at_ms": int(box.created_at.timestamp() * 1000)}


def isolated(session):
    stamp = session.created_at
    return {
        "id": session.session_id, "status": getattr(session, "status", None), "created_at_ms": stamp and int(stamp.timestamp() * 1000),
        "idle_s": getattr(session, "idle_remaining_seconds", None),
        **{name: getattr(session, name, None) for name in ("profile", "share_net", "uid")},
        "workspace": getattr(session, "workspace", None) and session.workspace.path}  # fmt: skip


def template(found):
    return {"id": found.template_id, "phase": found.status.phase, "image": found.image, "format": found.format, "metadata": found.metadata or {},
            "warmup_s": found.readiness and found.readiness.warmup_seconds, "created_at_ms": int(found.created_at.timestamp() * 1000)}


class Client:
    """The names of one face."""

    def __init__(self, sync, address, call):
        from opensandbox.transport.retry import RetryPolicy

        if sync:
            from code_interpreter import CodeInterpreterSync as CodeInterpreter
            from opensandbox import SandboxManagerSync as Manager
            from opensandbox import SandboxSync as Sandbox
            from opensandbox.config import ConnectionConfigSync as Config
        else:
            from code_interpreter import CodeInterpreter
            from opensandbox import Sandbox
            from opensandbox import SandboxManager as Manager
            from opensandbox.config import ConnectionConfig as Config
        quick = timedelta(milliseconds=1)
        retries = call.get("retries", 0)
        policy = RetryPolicy(max_retries=retries, initial_backoff=quick, max_backoff=quick) if retries else RetryPolicy.disabled()
        self.config = Config(domain=address, api_key="key-of-tenant", retry_policy=policy, disable_metrics=True,
                             request_timeout=timedelta(milliseconds=call.get("request_timeout_ms", 30_000)))
        self.Sandbox, self.Manager, self.CodeInterpreter = Sandbox, Manager, CodeInterpreter

    async def carry_out(self, call):
        if call["do"] == "create":
            options = {name: call[name] for name in ("entrypoint", "resource", "env", "metadata") if name in call}
            if "timeout_s" in call:
                options["timeout"] = None if call["timeout_s"] is None else timedelta(seconds=call["timeout_s"])
            box = await done(self.Sandbox.create(call["image"], connection_config=self.config, **options))
            outcome = {"id": box.id}
            await done(box.close())
            return outcome
        if call["do"] in ("list", "get_info") or call["do"].startswith("template_"):
            manager = await done(self.Manager.create(self.config))
            try:
                return await self.ask(manager, call)
            finally:
                await done(manager.close())
        box = await done(self.Sandbox.connect("box", connection_config=self.config, skip_health_check=True))
        try:
            outcome = await getattr(self, call["do"])(box, call)
            return {"done": True} if outcome is None else outcome
        finally:
            await done(box.close())

    async def ask(self, manager, call):
        from opensandbox.models.sandboxes import SandboxFilter

        if call["do"].startswith("template_"):
            return await getattr(self, call["do"])(manager, call)
        if call["do"] == "get_info":
            return info(await done(manager.get_sandbox_info(call.get("id", "box"))))
        pages = {name: call[name] for name in ("page", "page_size") if name in call}
        found = await done(manager.list_sandbox_infos(SandboxFilter(states=call["states"], metadata=call["metadata"], **pages)))
        return {"ids": [box.id for box in found.sandbox_infos], "total": found.pagination.total_items}

    async def run_command(self, box, call):
        from opensandbox.models.execd import RunCommandOpts

        options = RunCommandOpts(
            background=call.get("background", False), working_directory=call.get("cwd"), uid=call.get("uid"), gid=call.get("gid"),
            envs=call.get("env"), timeout=timedelta(milliseconds=call["timeout_ms"]) if "timeout_ms" in call else None)
        return execution(await done(box.commands.run(call.get("argv") or call["command"], opts=options)))

    async def template_create(self, manager, call):
        from opensandbox.models.templates import CreateTemplateRequest

        return template(await done(manager.create_template(CreateTemplateRequest(**call["request"]))))

    async def template_get(self, manager, call):
        return template(await done(manager.get_template(call["id"])))

    async def template_list(self, manager, call):
        from opensandbox.models.templates import TemplateFilter

        wanted = {name: call[name] for name in ("metadata", "page", "page_size") if name in call}
        found = await done(manager.list_templates(TemplateFilter(**wanted)))
        return {"ids": [each.template_id for each in found.template_infos], "total": found.pagination.total_items}

    async def template_delete(self, manager, call):
        await done(manager.delete_template(call["id"]))
        return {"done": True}

    async def isolated_create(self, box, call):
        from opensandbox.models.isolated import CreateIsolatedSessionRequest

        return isolated((await done(box.isolation.create(CreateIsolatedSessionRequest(**call.get("request", {}))))).info)

    async def isolated_get(self, box, call):
        return isolated((await done(box.isolation.attach(call["session"]))).info)

    async def isolated_list(self, box, call):
        return {"sessions": [isolated(each) for each in await done(box.isolation.list())]}

    async def isolated_capabilities(self, box, call):
        found = await done(box.isolation.capabilities())
        walls = found.hardening
        return {"available": found.available, "isolator": found.isolator, "message": found.message, "userns": found.userns_available,
                "init_mode": walls and walls.init_mode, "seccomp": walls and walls.seccomp and walls.seccomp.state}

    async def _isolated(self, box, call):
        from opensandbox.models.isolated import IsolatedRunOpts

        opts = IsolatedRunOpts(envs=call.get("env"), timeout_seconds=call.get("timeout_s"))
        return await done(box.isolation.attach(call["session"])), opts

    async def isolated_run(self, box, call):
        session, opts = await self._isolated(box, call)
        return execution(await done(session.run(call["code"], opts=opts)))

    async def isolated_once(self, box, call):
        request = dict(call["request"])
        workspace = request.pop("workspace")
        return execution(await done(box.isolation.run_once(
            call["code"], workspace=workspace["path"], workspace_mode=workspace.get("mode"), **request)))

    async def isolated_background(self, box, call):
        session, opts = await self._isolated(box, call)
        run = await done(session.run_background(call["code"], opts=opts))
        return {"run": run.run_id, "started_at_ms": run.started_at and int(run.started_at.timestamp() * 1000)}

    async def isolated_status(self, box, call):
        session, _ = await self._isolated(box, call)
        found = await done(session.run_status(call["run"]))
        return {"running": found.running, "exit_code": found.exit_code, "error": found.error,
                "finished_at_ms": found.finished_at and int(found.finished_at.timestamp() * 1000)}

    async def isolated_logs(self, box, call):
        session, _ = await self._isolated(box, call)
        found = await done(session.run_logs(call["run"], call.get("cursor", 0)))
        return {"content": told(found.text), "cursor": found.cursor}

    async def isolated_read(self, box, call):
        session, _ = await self._isolated(box, call)
        return {"content": told(await done(session.files.read_file(call["path"])))}

    async def isolated_end(self, box, call):
        session, _ = await self._isolated(box, call)
        await done(session.delete())

    async def _codes(self, box):
        return (await done(self.CodeInterpreter.create(box, skip_health_check=True))).codes

    async def run_code(self, box, call):
        return execution(await done((await self._codes(box)).run(call["code"], language=call["language"])))

    async def create_context(self, box, call):
        context = await done((await self._codes(box)).create_context(call["language"]))
        return {"id": context.id, "language": context.language}

    async def interrupt(self, box, call):
        await done(box.commands.interrupt(call["id"]))

    async def read_bytes(self, box, call):
        data = await done(box.files.read_bytes(call["path"], range_header=call.get("range")))
        return {"base64": base64.b64encode(data).decode()}

    async def read_file(self, box, call):
        return {"content": told(await done(box.files.read_file(call["path"], offset=call.get("offset"), limit=call.get("limit"))))}

    async def write_files(self, box, call):
        from opensandbox.models.filesystem import WriteEntry

        entries = []
        for file in call["files"]:
            data = base64.b64decode(file["base64"]) if "base64" in file else file["data"]
            entries.append(WriteEntry(path=file["path"], data=data, **{name: file[name] for name in ("mode", "owner", "group") if name in file}))
        await done(box.files.write_files(entries))

    async def file_info(self, box, call):
        found = await done(box.files.get_file_info(call["paths"]))
        return {"files": {path: {"size": entry.size, "mode": entry.mode} for path, entry in found.items()}}

    async def delete_files(self, box, call):
        await done(box.files.delete_files(call["paths"]))

    async def move(self, box, call):
        from opensandbox.models.filesystem import MoveEntry

        await done(box.files.move_files([MoveEntry(source=source, destination=to) for source, to in call["moves"]]))

    async def search(self, box, call):
        from opensandbox.models.filesystem import SearchEntry

        found = await done(box.files.search(SearchEntry(path=call["path"], pattern=call["pattern"])))
        return {"paths": [entry.path for entry in found]}

    async def kill(self, box, call):
        await done(box.kill())

    async def pause(self, box, call):
        await done(box.pause())

    async def patch_metadata(self, box, call):
        return info(await done(box.patch_metadata(call["patch"])))

    async def endpoint(self, box, call):
        found = await done(box.get_endpoint(call["port"]))
        return {"endpoint": found.endpoint, "headers": found.headers}


async def outcome_of(sync, address, call):
    try:
        return await Client(sync, address, call).carry_out(call)
    except SandboxException as error:
        return failure(error)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(outcome_of(sys.argv[1] == "sync", sys.argv[2], json.load(sys.stdin)))))
