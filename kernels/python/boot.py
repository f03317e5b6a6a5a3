"""The first text of the worker that runs: makes the other modules importable and starts the zygote.

execd joins the modules of this folder into one anonymous file: a NUL byte, the name of a module, a line feed and its
text, for each. A short command line reads it into `sources` and runs this one. The modules are a package that exists
in memory alone, `osb_worker`; those that a context may never need are compiled when they are imported. Their code
has file names of the form `<osb worker NAME>`, so that tracebacks can leave our frames out.

Standard library only, Python 3.8 and later.
"""

import sys

if sys.version_info < (3, 8):
    sys.stderr.write("Python 3.8 or later is needed, this is %s\n" % sys.version.split()[0])
    sys.exit(1)

import importlib.machinery
import types

PACKAGE = "osb_worker"


class Sources:
    """Finder and loader of the package's modules."""

    def __init__(self, sources):
        self.sources = sources  # name → text

    def find_spec(self, name, path=None, target=None):
        package, _, module = name.partition(".")
        if package != PACKAGE or module not in self.sources:
            return None
        return importlib.machinery.ModuleSpec(name, self, origin="<osb worker %s>" % module)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        name = module.__spec__.name.partition(".")[2]
        # dont_inherit: nothing of this file's own compilation holds there.
        exec(compile(self.sources[name], module.__spec__.origin, "exec", 0, True), module.__dict__)

    def get_source(self, name):  # for tracebacks while one of us is being debugged
        return self.sources[name.partition(".")[2]].decode("utf-8")


def install(sources):
    package = types.ModuleType(PACKAGE)
    package.__path__ = []
    sys.modules[PACKAGE] = package
    sys.meta_path.insert(0, Sources(sources))


if __name__ == "osb_boot":
    if sys.path and sys.path[0] == "":
        sys.path.pop(0)  # neither the directory we were started in nor its modules are ours to import
    install(sources)  # noqa: F821, given by the command line
    from osb_worker.zygote import main
    main(3, sys.argv[1:])
