"""A backend of matplotlib that shows figures as PNG among the output, together with the data of simple charts.

As in a notebook: pyplot's open figures are shown by plt.show() or when the cell has run, and closed by that. plt.ioff()
keeps the end of the cell from showing them. Imported by matplotlib itself, when it makes its first figure.
"""

import io
import json
import sys

import matplotlib
from matplotlib._pylab_helpers import Gcf
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from osb_worker import charts, display
from osb_worker.bundle import TEXT_LIMIT

CHART = "application/vnd.opensandbox.chart+json"


class FigureManager(FigureManagerBase):
    def show(self):
        show_figure(self.canvas.figure)


class FigureCanvas(FigureCanvasAgg):
    manager_class = FigureManager


def new_figure_manager(num, *args, FigureClass=Figure, **options):
    return new_figure_manager_given_figure(num, FigureClass(*args, **options))


def new_figure_manager_given_figure(num, figure):
    return FigureManager(FigureCanvas(figure), num)


def draw_if_interactive():
    pass


def forms(figure):
    """PNG and chart data of a figure. A chart that cannot be told leaves the picture alone."""
    data = {"image/png": png(figure)}
    try:
        chart = charts.describe(figure)
        text = json.dumps(chart, default=str, allow_nan=False) if chart else ""
        if text and len(text) < TEXT_LIMIT:
            data[CHART] = text
    except Exception:
        pass
    return data


def png(figure):
    out = io.BytesIO()
    canvas = figure.canvas
    if not hasattr(canvas, "print_png"):  # a figure of another backend
        canvas = FigureCanvasAgg(figure)
    canvas.print_figure(out, format="png", dpi=figure.dpi, bbox_inches="tight", facecolor=figure.get_facecolor(),
                        edgecolor=figure.get_edgecolor())
    return out.getvalue()


def show_figure(figure):
    shell = sys.modules.get("osb_worker.ipython")
    if shell is not None and shell.Shell.initialized():
        from IPython.display import display as show_in_shell
        show_in_shell(figure)
    else:
        display.display(figure)


def show(*ignored, **options):
    """plt.show()"""
    try:
        for manager in Gcf.get_all_fig_managers():
            show_figure(manager.canvas.figure)
    finally:
        Gcf.destroy_all()


def show_all():
    """At the end of a cell."""
    if not Gcf.figs or not matplotlib.is_interactive():
        return
    if matplotlib.get_backend() == "module://osb_worker.figures":  # and the user did not choose another
        show()
