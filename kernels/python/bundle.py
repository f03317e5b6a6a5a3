"""Values as MIME bundles: MIME type → text, and metadata beside it.

Clients want texts only: bytes become base64, structures become JSON. What is too long for a message is cut or left
out, and the bundle says so.
"""

import base64
import json
import sys

TEXT_LIMIT = 10 * 1000 * 1000    # characters of one MIME text
BUNDLE_LIMIT = 30 * 1000 * 1000  # characters of all texts of one result

# Methods of a value that show it in another form than repr(), and the MIME type of that form.
RICH = (("_repr_html_", "text/html"), ("_repr_markdown_", "text/markdown"), ("_repr_svg_", "image/svg+xml"),
        ("_repr_png_", "image/png"), ("_repr_jpeg_", "image/jpeg"), ("_repr_pdf_", "application/pdf"),
        ("_repr_latex_", "text/latex"), ("_repr_json_", "application/json"),
        ("_repr_javascript_", "application/javascript"))

# (module, class) → function that gives more forms of its instances, as (data, metadata). For libraries that leave
# this to the notebook.
formatters = {}


def clip(text, limit):
    if len(text) <= limit:
        return text
    return "%s\n[cut: %d of %d characters are shown]" % (text[:limit], limit, len(text))


def is_json(mime):
    return mime == "application/json" or mime.endswith("+json")


def as_text(mime, data):
    """A MIME text from what a _repr_*_ method gave."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(data)).decode("ascii")
    if isinstance(data, str) and not is_json(mime):
        return str(data)
    if isinstance(data, str):
        return data if looks_like_json(data) else json.dumps(data)
    return json.dumps(data, default=jsonable)


def looks_like_json(text):
    try:
        json.loads(text)
        return True
    except ValueError:
        return False


def jsonable(value):
    """Numbers and arrays of numpy as numbers and lists, anything else as its text."""
    for method in ("tolist", "item", "isoformat"):
        convert = getattr(type(value), method, None)
        if callable(convert):
            return convert(value)
    return str(value)


def as_texts(data):
    return {str(mime): as_text(str(mime), value) for mime, value in data.items() if value is not None}


def as_metadata(metadata):
    """What can be said in JSON of it; {} if nothing can."""
    if not isinstance(metadata, dict) or not metadata:
        return {}
    try:
        return json.loads(json.dumps(metadata, default=str))
    except (TypeError, ValueError):
        return {}


def with_metadata(given):
    """_repr_*_ methods give data or (data, metadata)."""
    if isinstance(given, tuple) and len(given) == 2:
        return given[0], given[1] or {}
    return given, {}


def mime_bundle(value):
    """(data, metadata), text/plain always there. Exceptions of the value's own methods leave it."""
    bundle, metadata = {"text/plain": str(repr(value))}, {}
    kind = type(value)
    if isinstance(value, type):  # the methods of a class are meant for its instances
        return limited(bundle), metadata
    # Looked up on the type: objects such as mocks claim to have every attribute.
    if callable(getattr(kind, "_repr_mimebundle_", None)):
        given, more = with_metadata(value._repr_mimebundle_(include=None, exclude=None))
        if isinstance(given, dict):
            bundle.update(as_texts(given))
            metadata.update(as_metadata(more))
    for method, mime in RICH:
        if mime not in bundle and callable(getattr(kind, method, None)):
            data, more = with_metadata(getattr(value, method)())
            if data is not None:
                bundle[mime] = as_text(mime, data)
                if more:
                    metadata[mime] = as_metadata(more)
    for base in kind.__mro__ if formatters else ():
        more = formatters.get((base.__module__, base.__name__))
        if more is not None:
            bundle.update(as_texts(more(value)))
            break
    return limited(bundle), metadata


def limited(bundle):
    """Cuts long texts; leaves out other long forms, which would be broken when cut, and says so."""
    kept, room = {}, BUNDLE_LIMIT
    for mime, text in bundle.items():
        if mime == "text/plain":
            text = clip(text, TEXT_LIMIT)
        elif len(text) > min(TEXT_LIMIT, room):
            if mime.startswith("text/"):
                text = clip(text, min(TEXT_LIMIT, room))
            else:
                note = "[%s left out: %d characters are more than %d]" % (mime, len(text), TEXT_LIMIT)
                kept["text/plain"] = kept.get("text/plain", "") + "\n" + note
                continue
        kept[mime] = text
        room = max(0, room - len(text))
    return kept


# Types whose text IPython writes in another way than repr() once they are long, or always.
_PRETTY_ONLY = ("set", "frozenset", "type", "function", "builtin_function_or_method", "method", "module", "super",
                "defaultdict", "Counter", "OrderedDict", "deque", "SimpleNamespace", "mappingproxy")
_SCALARS = (int, float, bool, str, bytes, complex, type(None))


def same_in_ipython(value):
    """True when IPython would write the value as repr() does, so that it need not be there to show it."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if kind in (list, tuple, dict):
        items = list(value) + (list(value.values()) if kind is dict else [])
        return len(items) < 40 and all(type(item) in _SCALARS for item in items) and len(repr(value)) < 76
    if isinstance(value, (type, BaseException, list, tuple, dict)) or kind.__name__ in _PRETTY_ONLY:
        return False
    return kind.__repr__ is not object.__repr__ and not hasattr(kind, "_repr_pretty_") \
        and not (sys.modules.get("IPython") and "_ipython_display_" in dir(kind))
