"""Copies of contexts, asked for as execd does."""

import os
import socket
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from worker_for_tests import ContextProcess, ContextTest, Peer, gone  # noqa: E402


class Copies(ContextTest):
    def copy(self, count=1, fresh=False):
        """The copies, or why there are none."""
        ends = []
        self.c.peer.send({"type": "copy", "count": count, "fresh": fresh})
        for _ in range(count):
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            out, out_end = os.pipe()
            err, err_end = os.pipe()
            self.c.peer.send({"type": "copy_into"}, [theirs.fileno(), out_end, err_end])
            theirs.close()
            os.close(out_end)
            os.close(err_end)
            ends.append((Peer(ours), out, err))
        answer = self.c.peer.receive()
        if answer["type"] == "copy_refused":
            for peer, out, err in ends:
                self.assertIsNone(peer.receive())  # nobody holds the other end any more
                peer.sock.close()
                os.close(out)
                os.close(err)
            return answer["message"]
        copies = [ContextProcess(peer, pid, out, err) for (peer, out, err), pid in zip(ends, answer["pids"])]
        for one in copies:
            self.assertEqual(one.peer.receive()["pid"], one.pid)
            self.addCleanup(one.close)
        return copies

    def test_state_and_descriptors_are_the_copys_own(self):
        self.c.run("import os\nx = 1\ng = (i for i in range(5))\nnext(g)")
        one, two = self.copy(2)
        self.assertEqual(one.run("x += 1; print(x)\nnext(g)").text, "1")
        self.assertEqual(two.run("x, next(g)").text, "(1, 1)")
        self.check("x, next(g)", "(1, 1)")
        self.assertEqual(one.run("os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid()").text, "(True, True)")
        sockets = "len([f for f in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + f) and " \
                  "os.readlink('/proc/self/fd/' + f).startswith('socket')])"
        self.assertEqual(one.run(sockets).text, "1")

    def test_the_original_has_no_child(self):
        self.copy()
        self.fails("import os; os.wait()", "ChildProcessError")

    def test_a_copy_leaves_what_the_original_uses(self):
        folder = self.c.run("import tempfile, atexit\nt = tempfile.TemporaryDirectory()\n"
                            "atexit.register(open, t.name + '/ended', 'w')\nt.name").text.strip("'")
        one = self.copy()[0]
        one.run("atexit.register(open, t.name + '/copy-ended', 'w');")
        one.peer.sock.shutdown(socket.SHUT_WR)
        self.assertTrue(gone(one.pid))
        self.assertEqual(os.listdir(folder), ["copy-ended"])

    def test_a_big_context_with_native_threads(self):
        try:
            import numpy  # noqa: F401
        except ImportError:
            self.skipTest("this Python has no numpy")
        self.c.run("import numpy as np\na = np.ones((500, 500)); b = a @ a")
        one = self.copy()[0]
        self.assertEqual(one.run("float((a @ a)[0, 0])").text, "500.0")
        self.check("float((a @ a)[0, 0])", "500.0")

    def test_threads_are_refused_and_the_context_goes_on(self):
        self.c.run("import threading\ne = threading.Event()\nthreading.Thread(target=e.wait).start()")
        self.assertIn("threads: 1 more", self.copy(3))
        self.check("e.set(); 1", "1")
        time.sleep(0.1)
        self.assertEqual(len(self.copy(3)), 3)

    def test_after_ipython(self):
        self.c.run("%time x = 3" if self.has_ipython() else "x = 3")
        self.assertEqual(self.copy()[0].run("x").text, "3")

    def has_ipython(self):
        import importlib.util
        return importlib.util.find_spec("IPython") is not None

    def test_deleted_files_go_on(self):
        with tempfile.NamedTemporaryFile("w+") as file:
            file.write("0123456789")
            file.flush()
            self.c.run("f = open(%r)\nf.read(1)\nimport os\nos.lseek(f.fileno(), 3, 0);" % file.name)
        one = self.copy()[0]
        self.assertEqual(one.run("os.read(f.fileno(), 3)").text, "b'345'")
        self.check("os.read(f.fileno(), 3)", "b'345'")


if __name__ == "__main__":
    unittest.main()
