"""The C++ client library: its tests of every call, its examples, and what it takes to use it when it is installed."""
import os
import shutil
import subprocess

import pytest

from support.server import PROGRAM, REPOSITORY, clean_environment, free_port

BUILD = REPOSITORY / "build" / "release"
BUILT = BUILD / "sdks" / "cpp"

pytestmark = pytest.mark.skipif(not (BUILT / "tests").exists(), reason="the C++ client library has not been built")


def run(command, server=None, timeout=300, **options):
    env = clean_environment(**({"OPEN_SANDBOX_DOMAIN": server.address} if server else {}))
    env.update(options.pop("env", {}))
    done = subprocess.run([str(word) for word in command], env=env, capture_output=True, text=True, timeout=timeout, **options)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
    return done.stdout


def example(name):
    return BUILT / "examples" / f"opensandbox_example_{name}"


def test_every_call(server):
    run([BUILT / "tests" / "opensandbox_client_live_test"], server)


def test_c_interface(server):
    run([BUILT / "tests" / "opensandbox_client_c_test"], server)


@pytest.mark.parametrize("name, wanted", [
    ("quick_start", "Hello OpenSandbox!\n"),
    ("pool", "1: prepared\n2: prepared\n3: prepared\n"),
    ("code_interpreter", "42\n40\nZeroDivisionError: division by zero\n"),
])
def test_examples(server, name, wanted):
    assert run([example(name)], server) == wanted


def test_streaming_example(server):
    lines = run([example("streaming")], server).splitlines()
    assert lines[0].startswith("running ") and lines[1:] == ["1", "2", "3", "exit code 7", "cancelled"]


def test_files_example(server):
    printed = run([example("files")], server)
    assert printed.startswith("Hello World\nseen second.txt\n") and printed.endswith("downloaded 1000000\n")


def test_embed_example(tmp_path_factory):
    import tempfile

    with tempfile.TemporaryDirectory(prefix="osb-e2e-", dir="/var/tmp") as directory:
        os.chmod(directory, 0o755)
        arguments = [PROGRAM, f"127.0.0.1:{free_port()}", os.path.join(directory, "state")]
        assert run([example("embed"), *arguments]).endswith("embedded\n")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Where the library was installed to."""
    prefix = tmp_path_factory.mktemp("installed")
    run(["cmake", "--install", BUILD, "--prefix", prefix, "--component", "cpp_sdk"])
    return prefix


PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES CXX)
find_package(OpenSandbox 1.1 REQUIRED)
add_executable(user quick_start.cpp)
target_link_libraries(user PRIVATE OpenSandbox::client)
"""


@pytest.mark.skipif(shutil.which("g++-12") is None, reason="no g++ 12")
class TestInstalled:
    SOURCE = REPOSITORY / "sdks" / "cpp" / "examples" / "quick_start.cpp"

    def test_by_cmake(self, server, installed, tmp_path):
        shutil.copy(self.SOURCE, tmp_path)
        (tmp_path / "CMakeLists.txt").write_text(PROJECT)
        run(["cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={installed}", "-DCMAKE_CXX_COMPILER=g++-12"])
        run(["cmake", "--build", tmp_path / "build"])
        assert run([tmp_path / "build" / "user"], server) == "Hello OpenSandbox!\n"

    @pytest.mark.skipif(shutil.which("pkg-config") is None, reason="no pkg-config")
    def test_by_pkg_config(self, server, installed, tmp_path):
        where = next(installed.rglob("opensandbox.pc")).parent
        flags = run(["pkg-config", "--cflags", "--libs", "opensandbox"], env={"PKG_CONFIG_PATH": str(where)}).split()
        run(["g++-12", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", self.SOURCE, *flags, "-o",
             tmp_path / "user"])
        assert run([tmp_path / "user"], server) == "Hello OpenSandbox!\n"

    def test_headers_need_nothing_else(self, installed, tmp_path):
        """Each header by itself, with the standard library only, by both compilers."""
        for header in sorted((installed / "include" / "opensandbox").glob("*.h")):
            for compiler in ("g++-12", "clang++-19"):
                text = f"#include <opensandbox/{header.name}>\n#if defined(BOOST_VERSION) || defined(OPENSSL_VERSION_NUMBER)\n#error\n#endif\n"
                run([compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{installed / 'include'}", "-x", "c++", "-"],
                    input=text)
