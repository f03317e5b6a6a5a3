"""The C++ client library over https and wss: whom it trusts, and that everything works behind it."""
import socket
import subprocess

import pytest
from support.server import REPOSITORY, clean_environment
from support.tls import Authority, TlsServer, proxy_to
from test_cpp_sdk import run

PROGRAM = REPOSITORY / "build/release/sdks/cpp/tests/opensandbox_client_tls_test"

pytestmark = pytest.mark.skipif(not PROGRAM.parent.exists(), reason="the C++ client library has not been built")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "trusted")


def play(test, domain, authority=None, **environment):
    settings = {"OSB_TLS_DOMAIN": domain, "OSB_TLS_CA": str(authority.file) if authority else "", **environment}
    printed = run([PROGRAM, f"--gtest_filter=Tls.{test}"], env=settings)
    assert "[  PASSED  ] 1 test." in printed, printed


@pytest.mark.parametrize("test", ["is_trusted", "streams_while_the_program_runs", "carries_large_files_both_ways", "carries_terminals"])
def test_works(server, authority, test):
    with TlsServer(authority.context("DNS:localhost"), proxy_to(server.address)) as proxy:
        play(test, f"https://localhost:{proxy.port}", authority)
        assert proxy.requests > 0


def test_works_by_number(server, authority):
    with TlsServer(authority.context("IP:127.0.0.1"), proxy_to(server.address)) as proxy:
        play("is_trusted", f"https://127.0.0.1:{proxy.port}", authority)


def test_authorities_of_the_environment(server, authority):
    with TlsServer(authority.context("DNS:localhost"), proxy_to(server.address)) as proxy:
        play("is_trusted", f"https://localhost:{proxy.port}", SSL_CERT_FILE=str(authority.file))


def test_unknown_authority(authority, tmp_path):
    """Neither by the authorities of this machine nor by the wrong one; nothing is told to the stranger."""
    with TlsServer(authority.context("DNS:localhost"), proxy_to("127.0.0.1:9")) as stranger:
        play("is_not_trusted", f"https://localhost:{stranger.port}")
        play("is_not_trusted", f"https://localhost:{stranger.port}", Authority(tmp_path, "other"))
        assert (stranger.handshakes, stranger.requests) == (2, 0)


def test_certificate_that_vouches_for_itself(authority, tmp_path):
    alone = Authority(tmp_path, "alone")
    with TlsServer(alone.context("DNS:localhost"), proxy_to("127.0.0.1:9")) as stranger:
        play("is_not_trusted", f"https://localhost:{stranger.port}", authority)
        assert stranger.requests == 0


@pytest.mark.parametrize("hosts, reached", [
    (["DNS:elsewhere.test"], "localhost"),
    (["DNS:localhost"], "127.0.0.1"),  # a name is no number
    (["DNS:127.0.0.1"], "127.0.0.1"),  # nor is a number that is written as a name
    (["IP:127.0.0.2"], "127.0.0.1"),
])
def test_wrong_name(authority, hosts, reached):
    with TlsServer(authority.context(*hosts), proxy_to("127.0.0.1:9")) as stranger:
        play("is_another_host", f"https://{reached}:{stranger.port}", authority)
        assert (stranger.handshakes, stranger.requests) == (1, 0)


def test_no_authorities(authority):
    with TlsServer(authority.context("DNS:localhost"), proxy_to("127.0.0.1:9")) as server:
        play("with_a_file_of_authorities_that_is_none", f"https://localhost:{server.port}")


ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"whole": false}'


def test_body_that_ends_with_the_connection(authority):
    def serve(secure, _first):
        secure.sendall(ANSWER)
        secure.unwrap()

    with TlsServer(authority.context("DNS:localhost"), serve) as server:
        play("ends_a_body_with_the_connection", f"https://localhost:{server.port}", authority)


def test_connection_that_is_cut(authority):
    def serve(secure, _first):
        secure.sendall(ANSWER)
        secure.shutdown(socket.SHUT_RDWR)

    with TlsServer(authority.context("DNS:localhost"), serve) as server:
        play("takes_no_cut_connection_for_an_end", f"https://localhost:{server.port}", authority)


def test_osb_says_what_to_do(authority):
    with TlsServer(authority.context("DNS:localhost"), proxy_to("127.0.0.1:9")) as stranger:
        done = subprocess.run([str(REPOSITORY / "build/osb"), "--domain", f"https://localhost:{stranger.port}", "sandbox", "list"],
                              env=clean_environment(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and "the certificate is not trusted" in done.stderr and "SSL_CERT_FILE" in done.stderr, done
        assert stranger.requests == 0
