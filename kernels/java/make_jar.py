"""Builds the Java worker: make_jar.py JAVAC ASM_JAR OUTPUT_JAR. The same sources and tools give the same bytes."""

import os
import subprocess
import sys
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
TIME = (2020, 1, 1, 0, 0, 0)


def compiled(javac, asm):
    """Name → bytes of our classes. They run on Java 11 and later."""
    sources = os.path.join(HERE, "osb", "worker")
    files = sorted(os.path.join(sources, name) for name in os.listdir(sources) if name.endswith(".java"))
    with tempfile.TemporaryDirectory() as directory:
        # What it says is shown when it fails: its warning about sun.misc.Signal, the one way to hear a signal, cannot be
        # switched off.
        run = subprocess.run([javac, "--release", "11", "-g:lines,source", "-encoding", "UTF-8", "-cp", asm,
                                "-d", directory, *files], stderr=subprocess.PIPE, text=True)
        if run.returncode:
            sys.exit(run.stderr)
        found = {}
        for root, _, names in os.walk(directory):
            for name in names:
                path = os.path.join(root, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, directory)] = file.read()
        return found


def library(asm):
    with zipfile.ZipFile(asm) as jar:
        return {name: jar.read(name) for name in jar.namelist()
                if name.startswith("org/") and name.endswith(".class")}


def main(javac, asm, output):
    classes = {**library(asm), **compiled(javac, asm)}
    with zipfile.ZipFile(output + ".new", "w", zipfile.ZIP_DEFLATED) as jar:
        for name in sorted(classes):
            entry = zipfile.ZipInfo(name, TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            jar.writestr(entry, classes[name])
    os.replace(output + ".new", output)


if __name__ == "__main__":
    main(*sys.argv[1:])
