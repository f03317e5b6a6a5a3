"""What we set up in libraries of the image at the moment somebody imports them: where figures go, and that charts come
as data instead of as pages for a browser.
"""

import os
import sys

from osb_worker import bundle, display


class AfterImport:
    """A finder that finds nothing, but has a function called when one of some modules has been imported."""

    def __init__(self, steps):
        self.steps = steps  # name of a module → function that takes the module

    def find_spec(self, name, path=None, target=None):
        if name not in self.steps:
            return None
        step = self.steps.pop(name)  # once; and the search below must not come here again
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if finder is not self else None
            if spec is not None:
                break
        else:
            self.steps[name] = step
            return None
        load = getattr(spec.loader, "exec_module", None)
        if load is not None:
            def exec_module(module):
                load(module)
                try:
                    step(module)
                except Exception:
                    pass  # another version of the library: it works as it is
            try:
                spec.loader.exec_module = exec_module
            except AttributeError:
                pass
        return spec


def install(interpreter):
    def matplotlib(module):
        # A backend that the image asks for by name stays; "agg" is what images without a screen say.
        if os.environ.get("MPLBACKEND", "agg").lower() != "agg":
            return
        module.rcParams["backend"] = "module://osb_worker.figures"
        module.interactive(True)
        bundle.formatters[("matplotlib.figure", "Figure")] = figure_forms
        shell = interpreter.shell or interpreter.waiting_shell
        if shell is not None:
            shell.add_formatter("matplotlib.figure", "Figure", figure_forms)
        interpreter.after_cell.append(show_figures)

    def plotly(module):
        module.renderers.default = "plotly_mimetype"
        if not interpreter.ipython_there():
            module.show = plotly_show

    def altair(module):
        module.renderers.enable("mimetype")

    def getpass(module):
        from osb_worker.errors import no_input
        module.getpass = no_input

    sys.meta_path.insert(0, AfterImport({"matplotlib": matplotlib, "plotly.io": plotly, "altair": altair,
                                         "getpass": getpass}))


def figure_forms(figure):
    from osb_worker.figures import forms
    return forms(figure)


def show_figures():
    figures = sys.modules.get("osb_worker.figures")
    if figures is not None:
        figures.show_all()


def plotly_show(figure, *ignored, **options):
    """plotly.io.show() asks for IPython to do this."""
    data = figure._repr_mimebundle_()
    if data:
        display.display(data, raw=True)
    else:
        display.display(figure)
