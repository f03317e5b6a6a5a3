"""What cells show: displays and their updates, figures, charts, tables, pictures, and commands without IPython."""

import atexit
import base64
import functools
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from worker_for_tests import ContextTest, ZygoteProcess  # noqa: E402

CHART = "application/vnd.opensandbox.chart+json"


def there(name):
    return importlib.util.find_spec(name) is not None


def needs(*names):
    missing = [name for name in names if not there(name)]
    return unittest.skipIf(missing, "this Python has no " + ", ".join(missing))


class Displays(ContextTest):
    def kinds(self, outcome):
        return [(m["type"], m.get("display_id"), m.get("data", {}).get("text/plain")) for m in outcome.messages
                if m["type"] not in ("execute_input", "execute_reply")]

    def test_updates(self):
        outcome = self.c.run("h = display('a', display_id='p')\nprint(1)\nh.update('b')\nupdate_display('c', display_id='p')")
        self.assertEqual(self.kinds(outcome), [("display_data", "p", "'a'"), ("update_display_data", "p", "'b'"),
                                               ("update_display_data", "p", "'c'")])
        made = self.kinds(self.c.run("h = display(1, display_id=True)\nassert h.display_id\nh.update(2)"))
        self.assertEqual(made[0][1], made[1][1])
        self.fails("display(1, update=True)", "TypeError")

    def test_clear_output(self):
        outcome = self.c.run("print(1)\nclear_output(wait=True)\nprint(2)")
        self.assertEqual([m["wait"] for m in outcome.messages if m["type"] == "clear_output"], [True])

    def test_metadata(self):
        outcome = self.c.run("class R:\n  def _repr_mimebundle_(self, include=None, exclude=None):\n"
                             "    return {'image/png': b'x', 'application/json': {'a': 1}}, {'image/png': {'width': 5}}\n"
                             "R()")
        self.assertEqual(outcome.data["image/png"], base64.b64encode(b"x").decode())
        self.assertEqual(json.loads(outcome.data["application/json"]), {"a": 1})
        self.assertEqual(outcome.metadata, {"image/png": {"width": 5}})

    @needs("matplotlib")
    def test_figures_are_shown_and_closed(self):
        outcome = self.c.run("import matplotlib.pyplot as plt\nplt.plot([1, 2, 3], [4, 5, 6], label='l')\n"
                             "plt.title('T'); plt.xlabel('X')\nNone")
        self.assertEqual(len(outcome.displays), 1)
        data = outcome.displays[0]
        self.assertTrue(base64.b64decode(data["image/png"]).startswith(b"\x89PNG"))
        self.assertIn("Figure", data["text/plain"])
        self.assertEqual(json.loads(data[CHART]), {
            "version": 1, "title": "", "charts": [{
                "type": "line", "title": "T", "x": {"label": "X", "scale": "linear"},
                "y": {"label": "", "scale": "linear"},
                "series": [{"label": "l", "color": "#1f77b4", "points": [[1, 4], [2, 5], [3, 6]]}]}]})
        self.check("plt.get_fignums()", "[]")
        self.assertEqual(len(self.c.run("plt.figure(); plt.figure(); plt.show(); print('after')").displays), 2)
        self.assertEqual(self.c.run("plt.plot([1]); 1/0").displays[0].get("image/png", "")[:5], "iVBOR")
        self.assertEqual(self.c.run("plt.ioff(); plt.plot([1]); None").displays, [])
        self.assertEqual(len(self.c.run("plt.show()").displays), 1)
        self.c.run("plt.ion();")
        shown = self.c.run("f, ax = plt.subplots(); ax.plot([1]); plt.close(f); f")
        self.assertIn("image/png", shown.data)
        self.assertIn(CHART, shown.data)

    @needs("matplotlib")
    def test_agg_of_the_user_stays(self):
        self.assertEqual(self.c.run("import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt\n"
                                    "plt.plot([1])\nplt.savefig('/dev/null', format='png')\nNone").displays, [])

    @needs("matplotlib")
    def test_charts(self):
        def chart(code):
            shown = self.c.run("import matplotlib.pyplot as plt, datetime\nf, ax = plt.subplots()\n" + code + "\nNone")
            self.assertEqual(shown.status, "ok", shown.error)
            return json.loads(shown.displays[0][CHART])["charts"][0]
        bars = chart("ax.bar(['a', 'b'], [3, 4], label='g')")
        self.assertEqual([(b["label"], b["value"], b["group"]) for b in bars["bars"]], [("a", 3, "g"), ("b", 4, "g")])
        self.assertEqual((bars["type"], bars["orientation"], bars["x"]["scale"]), ("bar", "vertical", "category"))
        across = chart("ax.barh(['a', 'b'], [3, 4])")
        self.assertEqual([(b["label"], b["value"]) for b in across["bars"]], [("a", 3), ("b", 4)])
        self.assertEqual(across["orientation"], "horizontal")
        dots = chart("ax.scatter([1, 2], [3, float('nan')], label='s')")
        self.assertEqual((dots["type"], dots["series"][0]["points"][0]), ("scatter", [1, 3]))
        pie = chart("ax.pie([1, 3], labels=['x', 'y'])")
        self.assertEqual([(s["label"], s["share"]) for s in pie["slices"]], [("x", 0.25), ("y", 0.75)])
        for more in ("", ", patch_artist=True"):
            box = chart("ax.boxplot([[1, 2, 3, 4, 20], [5, 6, 7]]%s)" % more)
            self.assertEqual(box["type"], "box", more)
            first = box["boxes"][0]
            self.assertEqual((first["q1"], first["median"], first["q3"], first["min"], first["max"], first["outliers"]),
                             (2, 3, 4, 1, 4, [20]), more)
        days = chart("ax.plot([datetime.date(2024, 1, d) for d in (1, 2)], [1, 2])")
        self.assertEqual(days["x"]["scale"], "date")
        self.assertEqual(days["series"][0]["points"][0], ["2024-01-01T00:00:00", 1])
        many = chart("ax.plot(range(20000), range(20000))")
        self.assertTrue(many["series"][0]["thinned"])
        self.assertLessEqual(len(many["series"][0]["points"]), 5000)
        self.assertEqual(chart("ax.hist([1, 1, 2], bins=2)")["type"], "bar")

    @needs("pandas")
    def test_pandas(self):
        data = self.c.run("import pandas as pd\npd.DataFrame({'a': [1, 2]})").data
        self.assertIn("<table", data["text/html"])
        self.assertIn("a", data["text/plain"])

    @needs("pandas", "matplotlib")
    def test_plots_of_pandas(self):
        shown = self.c.run("import pandas as pd\npd.Series([1, 2, 3], index=list('abc')).plot.bar()\nNone")
        self.assertEqual([b["label"] for b in json.loads(shown.displays[0][CHART])["charts"][0]["bars"]], ["a", "b", "c"])

    @needs("plotly")
    def test_plotly(self):
        data = self.c.run("import plotly.graph_objects as go\nf = go.Figure(go.Bar(y=[1, 2]))\nf").data
        self.assertEqual(json.loads(data["application/vnd.plotly.v1+json"])["data"][0]["type"], "bar")
        if there("nbformat") or not there("IPython"):
            self.assertIn("application/vnd.plotly.v1+json", self.c.run("f.show()").displays[0])

    @needs("altair")
    def test_altair(self):
        data = self.c.run("import altair as alt\nalt.Chart({'values': [{'a': 1}]}).mark_bar().encode(x='a:Q')").data
        self.assertTrue([m for m in data if m.startswith("application/vnd.vegalite") and "mark" in json.loads(data[m])], data)

    @needs("PIL")
    def test_pictures(self):
        self.assertIn("image/png", self.c.run("from PIL import Image\nImage.new('RGB', (2, 2))").data)

    def test_warnings(self):
        outcome = self.c.run("import warnings\nwarnings.warn('careful')")
        self.assertIn("<cell 1>:2: UserWarning: careful", outcome.err)

    def test_libraries_are_left_as_they_are_for_programs(self):
        self.check("import os\nos.environ.get('MPLBACKEND')", None)


class WithoutIPython(ContextTest):
    """The zygote cannot find it."""
    ENV = dict(os.environ)

    @classmethod
    def setUpClass(cls):
        cls.hidden = tempfile.TemporaryDirectory()
        with open(os.path.join(cls.hidden.name, "sitecustomize.py"), "w") as file:
            file.write("import sys\nclass Hide:\n  def find_spec(self, name, path=None, target=None):\n"
                       "    if name == 'IPython': raise ImportError(name)\nsys.meta_path.insert(0, Hide())\n")
        cls.ENV = dict(os.environ, PYTHONPATH=cls.hidden.name)
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.hidden.cleanup()

    def test_commands(self):
        self.assertEqual(self.c.run("!echo out; echo err >&2").out, "out\n")
        self.check("word = 'v'\nlines = !echo {word} $word\nlines", "['v v']")
        self.assertEqual(self.c.run("for i in range(2):\n    !echo {i}\nprint('end')").out, "0\n1\nend\n")
        self.assertIn("/usr", self.c.run("%cd /usr\n!pwd").out)
        self.check("import os; os.getcwd()", "'/usr'")
        self.check("%pwd", "'/usr'")
        self.assertEqual(self.c.run("%env OSB_Y=8\n!echo $OSB_Y").out, "env: OSB_Y=8\n8\n")
        self.check("%env OSB_Y", "'8'")
        outcome = self.c.run("%time 2 + 3")
        self.assertIn("Wall time", outcome.out)
        self.assertEqual(outcome.text, "5")
        self.assertEqual(self.c.run("%%time\nx = 4\nx").text, "4")
        self.assertEqual(self.c.run("%%bash\nread a < /dev/null\necho $((1+1))").out, "2\n")
        self.fails("%%bash\nexit 3", "CalledProcessError")
        self.check("x", "4")
        self.check("s = '''\n%cd\n'''\nlen(s) % 3", "2")
        self.check("!exit 5\n_exit_code", "5")
        self.check("%matplotlib inline\n1", "1")

    def test_other_magics_say_what_there_is(self):
        error = self.fails("%load_ext autoreload", "UsageError")
        self.assertIn("needs IPython", error["evalue"])
        self.assertIn("%%bash", error["evalue"])
        self.assertEqual(len(error["traceback"]), 1)
        self.fails("%%html\n<b>", "UsageError")
        error = self.fails("x = 5 %\ny = 1", "SyntaxError")
        self.assertIn("line 1", "\n".join(error["traceback"]))

    def test_a_package_is_installed_and_used(self):
        install_and_use(self)


class Packages(ContextTest):
    def test_a_package_is_installed_and_used(self):
        install_and_use(self)


@functools.lru_cache()
def environment():
    """A virtual environment with pip, and a folder with a package beside it: nothing is fetched, nothing left behind."""
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError:
        return None
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, True)
    wheel(folder)
    venv.create(os.path.join(folder, "env"), with_pip=True, system_site_packages=True)
    return folder


def install_and_use(test):
    folder = environment()
    if folder is None:
        test.skipTest("this Python has no pip to make an environment with")
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": folder, "PIP_CONFIG_FILE": os.devnull}
    zygote = ZygoteProcess(env=dict(test.ENV or os.environ, **index), python=os.path.join(folder, "env", "bin", "python"))
    context = zygote.context(folder)
    outcome = context.run("%pip install osb-sample")
    test.assertEqual(outcome.status, "ok", outcome.error)
    test.assertEqual(context.run("import osb_sample\nosb_sample.ANSWER").text, "42", outcome.out + outcome.err)
    context.close()
    context = zygote.context(folder)
    context.run("%pip uninstall -y osb-sample")
    # As the contract has it: `pip` is that of the Python that runs.
    test.assertEqual(context.run("import subprocess\nsubprocess.run(['pip', 'install', 'osb-sample']).returncode").text, "0")
    test.assertEqual(context.run("import osb_sample\nosb_sample.ANSWER").text, "42")
    context.run("%pip uninstall -y osb-sample")
    context.close()
    zygote.close()


def wheel(folder):
    import zipfile
    with zipfile.ZipFile(os.path.join(folder, "osb_sample-1.0-py3-none-any.whl"), "w") as file:
        file.writestr("osb_sample.py", "ANSWER = 42\n")
        file.writestr("osb_sample-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: osb-sample\nVersion: 1.0\n")
        file.writestr("osb_sample-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("osb_sample-1.0.dist-info/RECORD", "")


if __name__ == "__main__":
    unittest.main()
