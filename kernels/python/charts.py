"""The data of simple charts, read from the axes of a matplotlib figure.

describe(figure) → {"version": 1, "title", "charts": [{"type", "title", "x": {"label", "scale", "ticks"}, "y": …, …}]},
one entry for each axes that shows something we know:

  line, scatter   "series": [{"label", "color", "points": [[x, y], …]}]
  bar             "orientation", "bars": [{"label", "value", "base", "group", "position", "width"}]
  pie             "slices": [{"label", "share", "color"}]
  box             "orientation", "boxes": [{"label", "min", "q1", "median", "q3", "max", "outliers"}]

Dates are ISO 8601 texts, what is not finite is null, and long series are thinned out evenly ("thinned": true).
"""

import math

from matplotlib import colors, container, dates, lines, patches

POINTS = 5000  # of one series
SERIES = 200   # of one chart


def describe(figure):
    """None when there is nothing that we can tell."""
    found = [chart for chart in map(axes_chart, figure.axes) if chart]
    if not found:
        return None
    title = figure._suptitle.get_text() if getattr(figure, "_suptitle", None) else ""
    return {"version": 1, "title": title, "charts": found}


def axes_chart(axes):
    for kind in (pie, box, bar, scatter, line):
        more = kind(axes)
        if more:
            chart = {"type": kind.__name__, "title": axes.get_title()}
            if kind is not pie:
                chart["x"], chart["y"] = axis(axes.xaxis), axis(axes.yaxis)
            chart.update(more)
            return chart
    return None


def axis(given):
    told = {"label": given.get_label_text(), "scale": "date" if has_dates(given) else given.get_scale()}
    names = categories(given)
    if names:
        told["scale"] = "category"
        told["ticks"] = names
    return told


def has_dates(given):
    converter = getattr(given, "converter", None) or getattr(given, "_converter", None)
    return isinstance(converter, (dates.DateConverter, dates._SwitchableDateConverter)) \
        or isinstance(given.get_major_formatter(), (dates.DateFormatter, dates.AutoDateFormatter))


def categories(given):
    """Names of categories in their order, of an axis that was given texts."""
    mapping = getattr(getattr(given, "units", None), "_mapping", None)
    return [str(name) for name in mapping] if mapping else []


def value(number, given=None):
    if given is not None and has_dates(given):
        return dates.num2date(number).replace(tzinfo=None).isoformat()
    names = categories(given) if given is not None else []
    if names and float(number).is_integer() and 0 <= int(number) < len(names):
        return names[int(number)]
    number = float(number)
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 2 ** 53 else number


def points(axes, xs, ys):
    pairs = list(zip(xs, ys))
    step = -(-len(pairs) // POINTS)
    told = {"points": [[value(x, axes.xaxis), value(y, axes.yaxis)] for x, y in pairs[::max(step, 1)]]}
    if step > 1:
        told["thinned"] = True
    return told


def label_of(artist):
    text = str(artist.get_label())
    return "" if text.startswith("_") else text


def color_of(color):
    try:
        return colors.to_hex(color)
    except (ValueError, TypeError):
        return None


def line(axes):
    series = [dict(label=label_of(one), color=color_of(one.get_color()),
                   **points(axes, one.get_xdata(orig=False), one.get_ydata(orig=False)))
              for one in axes.get_lines()[:SERIES] if len(one.get_xdata(orig=False)) and one.get_transform() == axes.transData]
    return {"series": series} if series else None


def scatter(axes):
    series = []
    for one in axes.collections[:SERIES]:
        if type(one).__name__ != "PathCollection" or not len(one.get_offsets()):
            continue
        faces = one.get_facecolor()
        offsets = one.get_offsets()
        series.append(dict(label=label_of(one), color=color_of(faces[0]) if len(faces) == 1 else None,
                           **points(axes, offsets[:, 0], offsets[:, 1])))
    return {"series": series} if series else None


def bar(axes):
    bars, upright = [], True
    containers = [one for one in axes.containers if isinstance(one, container.BarContainer) and len(one.patches)]
    for group in containers[:SERIES]:
        upright = getattr(group, "orientation", None) != "horizontal"
        given = axes.xaxis if upright else axes.yaxis
        ticks = tick_labels(given)
        for patch in group.patches[:POINTS]:
            x, y, width, height = patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()
            if not upright:
                x, y, width, height = y, x, height, width
            middle = x + width / 2
            named = ticks.get(round(middle, 6))
            bars.append({"label": named if named is not None else str(value(middle, given)), "value": value(height),
                         "base": value(y), "group": label_of(group), "position": value(middle), "width": value(width)})
    return {"orientation": "vertical" if upright else "horizontal", "bars": bars} if bars else None


def tick_labels(given):
    """Position → text, of ticks that were labelled by hand or are categories."""
    names = categories(given)
    if names:
        return {round(float(i), 6): name for i, name in enumerate(names)}
    formatter = given.get_major_formatter()
    if type(formatter).__name__ not in ("FixedFormatter", "FuncFormatter"):
        return {}
    places = given.get_majorticklocs()
    return {round(float(place), 6): text for place, text in zip(places, formatter.format_ticks(places)) if text}


def pie(axes):
    wedges = [one for one in axes.patches if isinstance(one, patches.Wedge)]
    if not wedges:
        return None
    slices = [{"label": label_of(one), "share": round(abs(one.theta2 - one.theta1) / 360, 6),
               "color": color_of(one.get_facecolor())} for one in wedges[:POINTS]]
    return {"slices": slices}


def box(axes):
    """boxplot() leaves its lines without a container: for each box its outline, two whiskers, two caps, the median, and
    the outliers. They are told apart by their number of points and their order."""
    found = boxes_of_lines(axes) or []
    if not found:
        return None
    upright = found[0].pop("upright")
    for one in found[1:]:
        one.pop("upright")
    ticks = tick_labels(axes.xaxis if upright else axes.yaxis)
    for one in found:
        one["label"] = ticks.get(round(one.pop("position"), 6), "")
    return {"orientation": "vertical" if upright else "horizontal", "boxes": found}


def boxes_of_lines(axes):
    every = [one for one in axes.get_lines() if isinstance(one, lines.Line2D)]
    outlines = [one for one in every if len(one.get_xdata()) == 5]
    filled = [one for one in axes.patches if isinstance(one, patches.PathPatch) and len(one.get_path().vertices) >= 5]
    shapes = [(list(one.get_xdata()), list(one.get_ydata())) for one in outlines] or \
        [(list(one.get_path().vertices[:5, 0]), list(one.get_path().vertices[:5, 1])) for one in filled]
    pairs = [one for one in every if len(one.get_xdata()) == 2]
    loose = [one for one in every if len(one.get_xdata()) not in (2, 5) or one.get_linestyle() == "None"]
    if not shapes or len(pairs) < 3 * len(shapes):
        return None
    boxes = []
    for xs, ys in shapes:
        upright = abs(xs[0] + xs[1] - 2 * middle(xs)) < 1e-9  # the first edge lies across the middle
        across, along = (xs, ys) if upright else (ys, xs)
        place, low, high = middle(across), min(along), max(along)
        ends, median = [low, high], None
        for one in pairs:
            a, b = (one.get_xdata(), one.get_ydata()) if upright else (one.get_ydata(), one.get_xdata())
            if abs(middle(a) - place) > 1e-9:
                continue
            if a[0] == a[1]:
                ends.extend((float(b[0]), float(b[1])))  # a whisker
            elif b[0] == b[1] and low <= b[0] <= high and min(a) <= min(across) + 1e-9 and max(a) >= max(across) - 1e-9:
                median = float(b[0])
        outliers = []
        for one in loose:
            a, b = (one.get_xdata(), one.get_ydata()) if upright else (one.get_ydata(), one.get_xdata())
            outliers.extend(float(y) for x, y in zip(a, b) if abs(float(x) - place) < 1e-9)
        if median is None:
            return None
        boxes.append({"position": place, "upright": upright, "min": value(min(ends)), "q1": value(low),
                      "median": value(median), "q3": value(high), "max": value(max(ends)),
                      "outliers": [value(one) for one in outliers]})
    return boxes


def middle(numbers):
    return (float(min(numbers)) + float(max(numbers))) / 2
