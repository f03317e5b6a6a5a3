"""Compares what came with what a case expects. An expectation is plain JSON, or an object with one of the matchers below."""
import re

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"
ABSENT = object()  # stands for a member that did not come


class Mismatch(Exception):
    pass


def describe(value):
    text = "nothing" if value is ABSENT else repr(value)
    return text if len(text) < 400 else text[:400] + "…"


def fail(where, value, wanted):
    raise Mismatch(f"{where}: {describe(value)} came, {wanted} was expected")


def fill(value, variables):
    """`${name}` becomes the variable, `$${` a plain `${`."""
    if isinstance(value, dict):
        return {fill(key, variables): fill(part, variables) for key, part in value.items()}
    if isinstance(value, list):
        return [fill(part, variables) for part in value]
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(r"\$\{(\w+)\}", value)
    if whole:
        return known(whole[1], variables)
    return re.sub(r"\$\$\{|\$\{(\w+)\}", lambda m: str(known(m[1], variables)) if m[1] else "${", value)


def known(name, variables):
    if name not in variables:
        raise ValueError(f"the case uses ${{{name}}} before it has a value")
    return variables[name]


def is_matcher(expected):
    return isinstance(expected, dict) and any(re.fullmatch(r"\$[a-z_]+", key) and key != "$more" for key in expected)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def match_range(where, value, limits, good, word):
    if not good(value):
        fail(where, value, word)
    if isinstance(limits, list) and not limits[0] <= value <= limits[1]:
        fail(where, value, f"{word} from {limits[0]} to {limits[1]}")


def match_text(where, value, pattern, captures):
    """Named groups are remembered."""
    found = re.fullmatch(pattern, value, re.S) if isinstance(value, str) else None
    if not found:
        fail(where, value, f"a text like /{pattern}/")
    captures.update(found.groupdict())


def match_contains(where, value, part):
    if not isinstance(value, str) or part not in value:
        fail(where, value, f"a text with {part!r} in it")


def match_one_of(where, value, choices, captures):
    for choice in choices:
        found = dict(captures)
        try:
            match(where, value, choice, found)
            captures.update(found)
            return
        except Mismatch:
            pass
    fail(where, value, f"one of {choices!r}")


def match_unordered(where, value, expected, captures):
    if not isinstance(value, list) or len(value) != len(expected):
        fail(where, value, f"{len(expected)} items in any order")
    left = list(value)
    for item in expected:
        for candidate in left:
            try:
                match(where, candidate, item, captures)
                left.remove(candidate)
                break
            except Mismatch:
                pass
        else:
            fail(where, left, f"an item like {item!r} among them")


def match_each(where, value, expected, captures):
    if not isinstance(value, list):
        fail(where, value, "a list")
    for index, item in enumerate(value):
        match(f"{where}[{index}]", item, expected, captures)


def match_size(where, value, size):
    if not isinstance(value, (str, list, dict)) or len(value) != size:
        fail(where, value, f"{size} of them")


MATCHERS = {
    "$any": lambda where, value, argument, captures: None if value is not ABSENT else fail(where, value, "anything"),
    "$absent": lambda where, value, argument, captures: None if value is ABSENT else fail(where, value, "nothing"),
    "$match": lambda where, value, argument, captures: match_text(where, value, argument, captures),
    "$contains": lambda where, value, argument, captures: match_contains(where, value, argument),
    "$int": lambda where, value, argument, captures: match_range(where, value, argument, is_int, "a whole number"),
    "$number": lambda where, value, argument, captures: match_range(where, value, argument, is_number, "a number"),
    "$time": lambda where, value, argument, captures: match_text(where, value, TIME, captures),
    "$one_of": lambda where, value, argument, captures: match_one_of(where, value, argument, captures),
    "$unordered": lambda where, value, argument, captures: match_unordered(where, value, argument, captures),
    "$each": lambda where, value, argument, captures: match_each(where, value, argument, captures),
    "$size": lambda where, value, argument, captures: match_size(where, value, argument),
    "$equals": lambda where, value, argument, captures: match(where, value, argument, captures),
}


def match_object(where, value, expected, captures):
    if not isinstance(value, dict):
        fail(where, value, "an object")
    expected = {fill(name, captures): part for name, part in expected.items()}
    for name, part in expected.items():
        if name != "$more":
            match(f"{where}.{name}", value.get(name, ABSENT), part, captures)
    extra = [name for name in value if name not in expected]
    if extra and not expected.get("$more"):
        fail(where, extra, "no further member")


def match(where, value, expected, captures):
    """Raises Mismatch. `captures` takes what `$as` names, and gives it to `${name}` further on."""
    if isinstance(expected, str):
        expected = fill(expected, captures)
    if is_matcher(expected):
        for name, argument in expected.items():
            if name == "$as":
                continue
            if name not in MATCHERS:
                raise ValueError(f"{where}: there is no matcher {name}")
            MATCHERS[name](where, value, fill(argument, captures) if isinstance(argument, str) else argument, captures)
        if "$as" in expected:
            if value is ABSENT:
                fail(where, value, "a value to remember")
            captures[expected["$as"]] = value
    elif isinstance(expected, dict):
        match_object(where, value, expected, captures)
    elif isinstance(expected, list):
        if not isinstance(value, list) or len(value) != len(expected):
            fail(where, value, f"a list of {len(expected)}")
        for index, item in enumerate(expected):
            match(f"{where}[{index}]", value[index], item, captures)
    elif type(value) is not type(expected) and not (is_number(value) and is_number(expected)) or value != expected:
        fail(where, value, describe(expected))
