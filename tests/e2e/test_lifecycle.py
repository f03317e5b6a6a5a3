"""Create, get, list, metadata, renew, pause, resume, kill, connect, expiry: by client and by wire."""
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from opensandbox import SandboxManagerSync, SandboxSync
from opensandbox.exceptions import SandboxApiException, SandboxException
from opensandbox.models.sandboxes import SandboxFilter
from support import machine
from support.machine import wait_for
from support.server import CREATE


def has_null(value):
    if isinstance(value, dict):
        return any(v is None or has_null(v) for v in value.values())
    return isinstance(value, list) and any(v is None or has_null(v) for v in value)


def test_create_answers_running_and_names_what_was_asked(server):
    reply = server.request("POST", "/v1/sandboxes", {**CREATE, "metadata": {"team": "a"}, "env": {"A": "1"}})
    assert reply.status == 202
    body = reply.json()
    assert body["status"]["state"] == "Running"
    assert body["metadata"] == {"team": "a"} and body["entrypoint"] == CREATE["entrypoint"]
    assert body["createdAt"].endswith("Z") and body["expiresAt"].endswith("Z")
    assert not has_null(body)
    shown = server.get(body["id"])
    assert shown["image"]["uri"] == "host" and shown["status"]["state"] == "Running"
    assert shown["expiresAt"] == body["expiresAt"] and shown["createdAt"] == body["createdAt"]
    assert not has_null(shown)


def test_both_prefixes_and_the_request_id(server, sandbox):
    for prefix in ("", "/v1"):
        reply = server.request("GET", f"{prefix}/sandboxes/{sandbox['id']}", headers={"X-Request-ID": "abc-123"})
        assert reply.status == 200 and reply.headers["x-request-id"] == "abc-123"
    assert server.request("GET", "/health").headers["x-request-id"]
    assert server.request("GET", "/health").json() == {"status": "healthy"}
    assert server.request("GET", "/version").json()["version"]


def test_without_timeout_there_is_no_expiry(server):
    created = server.create(timeout=None)
    assert "expiresAt" not in created
    reply = server.request("POST", f"/v1/sandboxes/{created['id']}/renew-expiration",
                           {"expiresAt": (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()})
    assert reply.status == 409 and reply.json()["code"]


def test_client_lifecycle(client, config):
    info = client.get_info()
    assert info.id == client.id and info.status.state == "Running"
    assert client.is_healthy()

    before = client.get_info().expires_at
    renewed = client.renew(timedelta(minutes=42)).expires_at
    assert renewed > before and client.get_info().expires_at == renewed

    assert client.patch_metadata({"a": "1", "b": "2"}).metadata == {"a": "1", "b": "2"}
    assert client.patch_metadata({"a": None, "c": "3"}).metadata == {"b": "2", "c": "3"}

    client.files.write_file("/tmp/kept", "kept")
    client.pause()
    assert client.get_info().status.state == "Paused"
    resumed = SandboxSync.resume(client.id, connection_config=config)
    assert resumed.get_info().status.state == "Running"
    connected = SandboxSync.connect(client.id, connection_config=config)
    assert connected.files.read_file("/tmp/kept") == "kept"
    connected.close()
    resumed.kill()
    resumed.close()
    with pytest.raises(SandboxApiException) as error:
        client.get_info()
    assert error.value.status_code == 404 and error.value.request_id


def test_pause_stops_processes_and_resume_goes_on(server, sandbox, execd):
    execd.run("(while :; do echo x >> /tmp/ticks; sleep 0.02; done) >/dev/null 2>&1 & sleep 0.2")
    assert server.request("POST", f"/v1/sandboxes/{sandbox['id']}/pause").status == 202
    assert server.state_of(sandbox["id"]) == "Paused"
    # Frozen means: not one process of it gets processor time.
    def ticks():
        return [machine.read(f"/proc/{p}/stat").rsplit(")", 1)[1].split()[11:13]
                for p in machine.processes_of(sandbox["id"])]

    first = ticks()
    wait_for(lambda: ticks() == first, "frozen processes")
    again = server.request("POST", f"/v1/sandboxes/{sandbox['id']}/pause")
    assert again.status == 409 and again.json()["code"] and again.json()["message"]
    resumed = server.request("POST", f"/v1/sandboxes/{sandbox['id']}/resume")
    assert resumed.status == 202 and resumed.headers["content-length"] == "0"
    assert server.request("POST", f"/v1/sandboxes/{sandbox['id']}/resume").status == 409
    size = int(execd.run("stat -c %s /tmp/ticks"))
    wait_for(lambda: int(execd.run("stat -c %s /tmp/ticks")) > size, "the loop to go on")


def test_a_paused_sandbox_can_be_killed(server, sandbox):
    assert server.request("POST", f"/v1/sandboxes/{sandbox['id']}/pause").status == 202
    assert server.delete(sandbox["id"]) == 204


def test_list_filters_and_pages(server, config):
    ids = [server.create(metadata={"group": "x", "n": str(n)})["id"] for n in range(5)]
    server.create(metadata={"group": "y_z", "note": "a.b"})
    listed = [s["id"] for s in server.list()]
    assert len(listed) == 6 and listed[1:] == ids[::-1], "newest first"

    page = server.request("GET", "/v1/sandboxes?page=2&pageSize=2&metadata=group%3Dx").json()
    assert [s["id"] for s in page["items"]] == ids[::-1][2:4]
    assert page["pagination"] == {"page": 2, "pageSize": 2, "totalItems": 5, "totalPages": 3, "hasNextPage": True}
    assert server.request("GET", "/v1/sandboxes?page=9").json()["items"] == []
    assert server.list("&state=running&state=Paused") and not server.list("&state=Paused") and not server.list("&state=Nope")
    assert server.request("GET", "/v1/sandboxes?metadata=oops").status == 400

    server.request("POST", f"/v1/sandboxes/{ids[0]}/pause")
    with SandboxManagerSync.create(connection_config=config) as manager:
        def find(**filters):
            return [i.id for i in manager.list_sandbox_infos(SandboxFilter(**filters)).sandbox_infos]

        assert find(states=["PAUSED"]) == [ids[0]]
        assert len(find(states=["RUNNING"])) == 5
        assert find(metadata={"group": "x", "n": "3"}) == [ids[3]]
        assert manager.list_sandbox_infos(SandboxFilter(page_size=4)).pagination.total_items == 6
        manager.resume_sandbox(ids[0])
        manager.renew_sandbox(ids[0], timedelta(minutes=33))
        assert manager.patch_sandbox_metadata(ids[0], {"n": "zero"}).metadata["n"] == "zero"
        manager.pause_sandbox(ids[0])
        assert manager.get_sandbox_info(ids[0]).status.state == "Paused"
        manager.kill_sandbox(ids[0])
        with pytest.raises(SandboxException):
            manager.kill_sandbox(ids[0])


def test_metadata_rules(server, sandbox):
    path = f"/v1/sandboxes/{sandbox['id']}/metadata"
    assert server.request("PATCH", path, {}).status == 200
    assert server.request("PATCH", path, {"opensandbox.io/x": "y"}).status == 400
    assert server.request("PATCH", path, {"bad key!": "y"}).json()["code"] == "SANDBOX::INVALID_METADATA_LABEL"
    assert server.request("PATCH", path, {"k": 5}).status == 422
    assert server.request("PATCH", path, {"example.com/team": "a", "gone": None}).json()["metadata"] == {"example.com/team": "a"}
    for metadata in ({"bad key!": "v"}, {"opensandbox.io/a": "v"}, {"a": "x" * 64}):
        assert server.create(expect=400, metadata=metadata)["code"] == "SANDBOX::INVALID_METADATA_LABEL"


def test_renew_rules(server, sandbox):
    path = f"/v1/sandboxes/{sandbox['id']}/renew-expiration"
    assert server.request("POST", path, {"expiresAt": "2020-01-01T00:00:00Z"}).status == 400
    assert server.request("POST", path, {"expiresAt": "soon"}).status == 422
    assert server.request("POST", path, {}).status == 422
    sooner = datetime.now(timezone.utc) + timedelta(seconds=90)
    assert server.request("POST", path, {"expiresAt": sooner.strftime("%Y-%m-%dT%H:%M:%S+00:00")}).status == 200
    assert server.get(sandbox["id"])["expiresAt"] == sooner.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_it_expires(server, sandbox):
    soon = (datetime.now(timezone.utc) + timedelta(seconds=2)).isoformat()
    assert server.request("POST", f"/v1/sandboxes/{sandbox['id']}/renew-expiration", {"expiresAt": soon}).status == 200
    assert server.state_of(sandbox["id"]) == "Running"
    wait_for(lambda: server.request("GET", f"/v1/sandboxes/{sandbox['id']}").status == 404, "expiry")
    assert not machine.processes_of(sandbox["id"])


def test_killed_twice_is_not_found(server, sandbox):
    assert server.delete(sandbox["id"]) == 204
    assert not machine.processes_of(sandbox["id"])
    assert server.delete(sandbox["id"]) == 404


def test_hundred_at_once(server):
    with ThreadPoolExecutor(100) as pool:
        ids = [s["id"] for s in pool.map(lambda _: server.create(resourceLimits={"cpu": "1", "memory": "64Mi"}), range(100))]
        assert len(set(ids)) == 100
        said = list(pool.map(lambda i: server.execd(i).run("echo $OPENSANDBOX_ID").strip(), ids))
        assert said == ids
        assert set(pool.map(server.delete, ids)) == {204}


REFUSED = {
    "networkPolicy": {"defaultAction": "deny", "egress": []},
    "volumes": [{"name": "v", "host": {"path": "/tmp/x"}, "mountPath": "/m"}],
    "secureAccess": True,
    "platform": {"os": "linux", "arch": "s390x"},
}


@pytest.mark.parametrize("member", REFUSED)
def test_what_is_not_built_is_refused(server, member):
    reply = server.create(expect=400, **{member: REFUSED[member]})
    assert reply["code"] == "SANDBOX::INVALID_PARAMETER" and member in reply["message"], reply


def test_more_that_is_refused(server):
    auth = {"uri": "host", "auth": {"username": "u", "password": "p"}}
    assert "auth" in server.create(expect=400, image=auth)["message"]
    assert server.create(expect=400, resourceLimits={"cpu": "1", "gpu": "1"})["code"] == "SANDBOX::INVALID_PARAMETER"
    assert server.create(expect=400, image=None, snapshotId="snap", entrypoint=None)["code"] == "SANDBOX::INVALID_PARAMETER"
    reply = server.request("POST", "/v1/sandboxes", {**CREATE, "credentialProxy": {"enabled": True}})
    assert reply.status in (400, 422) and "redentialProxy" in reply.text
    for limits in ({"cpu": "abc"}, {"memory": "-1"}, {"cpu": "0"}):
        assert server.create(expect=400, resourceLimits=limits)["code"] == "SANDBOX::INVALID_PARAMETER"
    server.create(unknownMember=1)  # but members nobody knows are ignored, as the API has it


def test_client_telemetry_is_taken(server):
    event = {"eventType": "sandbox.create", "createDurationMs": 5, "success": True}
    assert server.request("POST", "/v1/metrics/events", event).status == 204
    assert server.request("POST", "/v1/metrics/events", {"eventType": "x"}).status == 422
