"""The file API through the clients and by hand."""
import io

import pytest
from opensandbox.exceptions import SandboxApiException
from opensandbox.models.filesystem import (
    ContentReplaceEntry, DirectoryListEntry, MoveEntry, SearchEntry, SetPermissionEntry, WriteEntry)
from support import machine


def multipart(*pairs, boundary="XBOUNDX"):
    """Body and headers of an upload: pairs of (metadata text, content)."""
    body = b""
    for metadata, content in pairs:
        for name, kind, data in (("metadata", "application/json", metadata), ("file", "application/octet-stream", content)):
            body += (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n'
                     f"Content-Type: {kind}\r\n\r\n").encode() + data + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def test_write_read_modes(client):
    client.files.write_files([
        WriteEntry(path="/tmp/d/a.txt", data="text", mode=644),
        WriteEntry(path="/tmp/d/b.bin", data=bytes(range(256)), mode=600),
        WriteEntry(path="/tmp/d/c", data=io.BytesIO(b"stream")),
        WriteEntry(path="/tmp/d/odd", data="o", mode=640),
    ])
    assert client.files.read_file("/tmp/d/a.txt") == "text"
    assert client.files.read_bytes("/tmp/d/b.bin") == bytes(range(256))
    assert client.files.read_bytes("/tmp/d/c") == b"stream"
    paths = ["/tmp/d/a.txt", "/tmp/d/b.bin", "/tmp/d/c", "/tmp/d/odd", "/tmp/d"]
    info = client.files.get_file_info(paths)
    assert [info[path].mode for path in paths] == [644, 600, 755, 640, 755]
    assert info["/tmp/d/a.txt"].size == 4 and info["/tmp/d/a.txt"].owner == "root"
    assert client.commands.run("stat -c %a /tmp/d/a.txt /tmp/d/odd").text.split() == ["644", "640"]


def test_overwrite_shrinks(client):
    client.files.write_file("/tmp/f", "long content")
    client.files.write_file("/tmp/f", "short")
    assert client.files.read_file("/tmp/f") == "short"
    client.files.write_file("/tmp/empty", "")
    assert client.files.read_file("/tmp/empty") == ""


def test_ranges_and_lines(client, execd):
    client.files.write_file("/tmp/lines", "one\ntwo\nthree\nfour\n")
    assert client.files.read_file("/tmp/lines", range_header="bytes=4-6") == "two"
    assert client.files.read_file("/tmp/lines", range_header="bytes=-5") == "four\n"
    assert client.files.read_file("/tmp/lines", offset=2, limit=2) == "two\nthree"
    execd.run("printf 0123456789 > /tmp/r")
    reply = execd.request("GET", "/files/download?path=/tmp/r", headers={"Range": "bytes=2-4"})
    assert reply.status == 206 and reply.body == b"234" and reply.headers["content-range"] == "bytes 2-4/10"
    assert execd.request("GET", "/files/download?path=/tmp/r", headers={"Range": "bytes=50-60"}).status == 416
    assert execd.request("GET", "/files/download?path=/tmp/r", headers={"Range": "bytes=x"}).status in (200, 400, 416)
    assert execd.request("GET", "/files/download?path=/tmp/r", headers={"Range": "bytes=5-99999"}).body == b"56789"
    assert execd.run("echo ok") == "ok\n"


def test_streaming_download(client):
    client.commands.run("head -c 5000000 /dev/urandom > /tmp/big; sha256sum < /tmp/big > /tmp/sum")
    import hashlib

    digest = hashlib.sha256()
    for part in client.files.read_bytes_stream("/tmp/big"):
        digest.update(part)
    assert client.files.read_file("/tmp/sum").split()[0] == digest.hexdigest()


def test_large_upload_in_bounded_memory(server, sandbox, execd):
    size = 200_000_000
    head, headers = multipart((b'{"path": "/root/big"}', b"@"))
    before, after = head.split(b"@")
    with execd.connect(120) as connection:
        connection.send_raw((f"POST /files/upload HTTP/1.1\r\nHost: x\r\nContent-Type: {headers['Content-Type']}\r\n"
                             f"Content-Length: {size + len(before) + len(after)}\r\n"
                             + "".join(f"{k}: {v}\r\n" for k, v in execd.headers.items()) + "\r\n").encode() + before)
        block = b"z" * 1_000_000
        for _ in range(size // len(block)):
            connection.send_raw(block)
        connection.send_raw(after)
        assert connection.reply().status == 200
    assert execd.run("stat -c %s /root/big").strip() == str(size)
    assert machine.resident_kib(server.init_pid(sandbox["id"]), peak=True) < 48 * 1024


def test_chunked_and_sized_uploads(execd):
    body, headers = multipart((b'{"path": "/tmp/one", "mode": 600}', b"first"), (b'{"path": "/tmp/two"}', b"second\r\n--XBOUND"))
    assert execd.request("POST", "/files/upload", body, headers).status == 200
    assert execd.run("cat /tmp/one; stat -c %a /tmp/one") == "first600\n"
    assert execd.request("GET", "/files/download?path=/tmp/two").body == b"second\r\n--XBOUND"
    with execd.connect() as connection:
        lines = ["POST /files/upload HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "Expect: 100-continue"]
        lines += [f"{k}: {v}" for k, v in {**headers, **execd.headers}.items()]
        connection.send_raw("\r\n".join(lines).encode() + b"\r\n\r\n")
        assert connection.head().status == 100
        for start in range(0, len(body), 7):  # boundaries cut in every place
            part = body[start:start + 7]
            connection.send_raw(b"%x\r\n" % len(part) + part + b"\r\n")
        connection.send_raw(b"0\r\n\r\n")
        assert connection.reply().status == 200


def test_bad_uploads(execd):
    for body, headers, code in (
        (*multipart((b'{"mode": 644}', b"x")), "INVALID_FILE_METADATA"),
        (*multipart((b"{", b"x")), "INVALID_FILE_METADATA"),
        (b"junk", {"Content-Type": "multipart/form-data; boundary=X"}, "INVALID_FILE"),
        (b'{"a": 1}', {"Content-Type": "application/json"}, "INVALID_FILE"),
    ):
        reply = execd.request("POST", "/files/upload", body, headers)
        assert reply.status == 400 and reply.json()["code"] == code, (reply, body)
    body, headers = multipart((b'{"path": "/tmp/cut"}', b"x" * 100))
    assert execd.request("POST", "/files/upload", body[:-60], headers).status == 400
    assert execd.run("echo ok") == "ok\n"


def test_directories_search_list(client):
    client.files.create_directories([WriteEntry(path="/tmp/t/sub", mode=750), WriteEntry(path="/tmp/t/other")])
    client.files.write_files([WriteEntry(path=p, data="x") for p in ("/tmp/t/a.txt", "/tmp/t/sub/b.txt", "/tmp/t/sub/c.py")])
    assert client.files.get_file_info(["/tmp/t/sub"])["/tmp/t/sub"].mode == 750
    assert [f.path for f in client.files.search(SearchEntry(path="/tmp/t", pattern="*.txt"))] == ["/tmp/t/a.txt", "/tmp/t/sub/b.txt"]
    assert [f.path for f in client.files.search(SearchEntry(path="/tmp/t", pattern="**/*.py"))] == ["/tmp/t/sub/c.py"]
    listed = client.files.list_directory(DirectoryListEntry(path="/tmp/t"))
    assert [(e.path, e.entry_type) for e in listed] == [
        ("/tmp/t/a.txt", "file"), ("/tmp/t/other", "directory"), ("/tmp/t/sub", "directory")]
    assert len(client.files.list_directory(DirectoryListEntry(path="/tmp/t", depth=2))) == 5
    client.files.delete_directories(["/tmp/t"])
    client.files.delete_directories(["/tmp/t"])  # nothing there is fine
    with pytest.raises(SandboxApiException) as error:
        client.files.list_directory(DirectoryListEntry(path="/tmp/t"))
    assert error.value.status_code == 404 and error.value.error.code == "FILE_NOT_FOUND"


def test_move_replace_permissions_delete(client):
    client.files.write_file("/tmp/src", "old old")
    client.files.move_files([MoveEntry(source="/tmp/src", destination="/tmp/deep/er/dest")])
    client.files.replace_contents([ContentReplaceEntry(path="/tmp/deep/er/dest", old_content="old", new_content="new")])
    assert client.files.read_file("/tmp/deep/er/dest") == "new new"
    detailed = client.files.replace_contents_detailed(
        [ContentReplaceEntry(path="/tmp/deep/er/dest", old_content="new", new_content="n")])
    assert detailed[0].replaced_count == 2
    client.files.set_permissions([SetPermissionEntry(path="/tmp/deep/er/dest", mode=640, owner="nobody", group="nogroup")])
    info = client.files.get_file_info(["/tmp/deep/er/dest"])["/tmp/deep/er/dest"]
    assert (info.mode, info.owner, info.group) == (640, "nobody", "nogroup")
    client.files.set_permissions([SetPermissionEntry(path="/tmp/deep/er/dest", mode=600)])
    assert client.files.get_file_info(["/tmp/deep/er/dest"])["/tmp/deep/er/dest"].owner == "nobody", "mode alone changes no owner"
    client.files.delete_files(["/tmp/deep/er/dest"])
    client.files.delete_files(["/tmp/deep/er/dest"])
    with pytest.raises(SandboxApiException) as error:
        client.files.get_file_info(["/tmp/deep/er/dest"])
    assert error.value.status_code == 404
    with pytest.raises(SandboxApiException):
        client.files.move_files([MoveEntry(source="/tmp/none", destination="/tmp/x")])
    with pytest.raises(SandboxApiException):
        client.files.delete_files(["/tmp/deep"])  # a directory


def test_paths_stay_inside(server, sandbox, execd):
    """Dots, links and /proc lead to the sandbox's own files, never to the host's."""
    marker = server.state.parent / "host-secret"
    marker.write_text("host secret")
    execd.run(f"ln -s {marker} /tmp/link; ln -s / /tmp/root")
    for path in (str(marker), "/tmp/link", f"/../../../..{marker}", f"/tmp/../../..{marker}", f"/proc/1/root{marker}",
                 f"/proc/self/root{marker}", f"/tmp/root{marker}", f"/proc/1/cwd/../..{marker}"):
        reply = execd.request("GET", f"/files/download?path={path}")
        assert reply.status == (400 if path.startswith(("/proc/1/root", "/proc/self/root")) else 404) and b"host secret" not in reply.body, (path, reply)
    body, headers = multipart((f'{{"path": "/../../..{marker}"}}'.encode(), b"changed"))
    execd.request("POST", "/files/upload", body, headers)
    assert marker.read_text() == "host secret"
    execd.request("DELETE", f"/files?path=/../..{marker}")
    execd.request("DELETE", f"/directories?path=/tmp/root{marker.parent}")
    assert marker.exists()


def test_special_files_do_not_hang(execd):
    execd.run("mkfifo /tmp/fifo")
    for path in ("/tmp/fifo", "/tmp", "/dev/zero"):
        reply = execd.request("GET", f"/files/download?path={path}")
        assert reply.status in (400, 403, 404, 500), (path, reply.status)
    assert execd.run("echo ok") == "ok\n"


def test_bad_queries(execd):
    assert execd.request("GET", "/files/download").json()["code"] == "MISSING_QUERY"
    assert execd.request("GET", "/files/search?pattern=*").status == 400
    assert execd.request("GET", "/files/search?path=/tmp/none&pattern=*").status == 404
    assert execd.request("GET", "/directories/list?path=/tmp&depth=-1").status == 400
    assert execd.request("GET", "/directories/list?path=/tmp&depth=x").status == 400
    assert execd.request("GET", "/files/info").json() == {}
    assert execd.request("POST", "/files/mv", b"{").status == 400
    assert execd.request("POST", "/files/replace", {"/tmp/none": {"old": "a", "new": "b"}}).status == 404
    assert execd.request("GET", "/files/search?path=/tmp&pattern=%5B").status in (200, 400, 500)
