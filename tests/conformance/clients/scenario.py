"""Scenarios: where they are, and whether what a client did and told is what they want."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any, Iterator

from player import Player, Request

CASES = Path(__file__).parent / "cases"
LONG = 1000  # characters; longer texts are told by size and hash
MEMBERS = {"name", "shows", "call", "answers", "requests", "outcome"}


def scenarios(folder: Path = CASES) -> Iterator[tuple[str, dict[str, Any]]]:
    """All of them with their names, `FILE/NAME`."""
    for path in sorted(folder.glob("*.json")):
        for scenario in json.loads(path.read_text())["scenarios"]:
            unknown = set(scenario) - MEMBERS
            assert not unknown, f"{path.name}: {scenario['name']}: nobody reads {unknown}"
            yield f"{path.stem}/{scenario['name']}", scenario


def told(text: str) -> Any:
    """A text as a client tells it."""
    if len(text) <= LONG:
        return text
    data = text.encode("utf-8", "surrogatepass")
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def differences(wanted: Any, have: Any, where: str = "outcome") -> list[str]:
    """What is not as wanted. Members that are not named do not matter; `{"$match"}`, `{"$int"}`, `{"$absent"}` and `{"$repeat"}` as in README.md."""
    if isinstance(wanted, dict):
        if "$match" in wanted:
            good = isinstance(have, str) and re.search(wanted["$match"], have) is not None
            return [] if good else [f"{where}: {have!r} does not match {wanted['$match']}"]
        if "$int" in wanted:
            low, high = wanted["$int"]
            good = isinstance(have, int) and not isinstance(have, bool) and low <= have <= high
            return [] if good else [f"{where}: {have!r} is no number from {low} to {high}"]
        if "$repeat" in wanted:
            times, text = wanted["$repeat"]
            return differences(told(text * times), have, where)
        if not isinstance(have, dict):
            return [f"{where}: {have!r:.200} is no object"]
        found = []
        for name, value in wanted.items():
            if isinstance(value, dict) and "$absent" in value:
                if have.get(name) is not None:
                    found.append(f"{where}.{name}: is there: {have[name]!r:.200}")
            elif name not in have:
                found.append(f"{where}.{name}: is missing")
            else:
                found += differences(value, have[name], f"{where}.{name}")
        return found
    if isinstance(wanted, list):
        if not isinstance(have, list) or len(have) != len(wanted):
            return [f"{where}: {have!r:.300} is not {wanted!r:.300}"]
        return [problem for at, pair in enumerate(zip(wanted, have)) for problem in differences(*pair, f"{where}[{at}]")]
    same = wanted == have and isinstance(wanted, bool) == isinstance(have, bool)
    return [] if same else [f"{where}: {have!r:.300} is not {wanted!r:.300}"]


def judge(scenario: dict[str, Any], player: Player, outcome: Any) -> list[str]:
    """Everything that is wrong; nothing is what one hopes for."""
    problems = [f"the request: {problem}" for problem in player.wrong]
    problems += differences(scenario.get("outcome", {}), outcome)
    problems += [f"nobody asked for {line}" for line in player.left()]
    wanted = scenario.get("requests")
    if wanted is not None:
        if len(wanted) != len(player.requests):
            lines = [f"{request.method} {request.path}" for request in player.requests]
            return [*problems, f"requests: {lines} are not {[each['request'] for each in wanted]}"]
        for at, (one, request) in enumerate(zip(wanted, player.requests)):
            problems += [f"requests[{at}].{problem}" for problem in request_differences(one, request)]
    return problems


def request_differences(wanted: dict[str, Any], request: Request) -> list[str]:
    line = f"{request.method} {request.path}"
    found = [] if line == wanted["request"] else [f"request: {line} is not {wanted['request']}"]
    for name, value in wanted.get("headers", {}).items():
        have = request.headers.get(name.lower())
        if value is None:
            found += [f"headers: {name} is there: {have}"] if have is not None else []
        else:
            found += differences(value, have, f"headers.{name}")
    if "body" in wanted:
        data = wanted["body"].encode()
        found += [] if data == request.body else [f"body: {request.body!r:.300} is not {data!r:.300}"]
    if "json" in wanted:
        try:
            have = json.loads(request.body)
        except ValueError:
            return [*found, f"body: {request.body!r:.200} is no JSON"]
        if have != wanted["json"] or type(have) is not type(wanted["json"]):
            found.append(f"json: {have!r} is not {wanted['json']!r}")
    if "form" in wanted:
        found += form_differences(wanted["form"], request)
    return found


def form_differences(wanted: list[dict[str, Any]], request: Request) -> list[str]:
    """The parts of a form, byte by byte; only the boundary is the client's choice."""
    kind = re.fullmatch(r'multipart/form-data; ?boundary="?([^"]+)"?', request.headers.get("content-type", ""))
    if kind is None:
        return [f"form: {request.headers.get('content-type')!r} is no form"]
    mark = b"\r\n--" + kind[1].encode()
    first, *parts, last = (b"\r\n" + request.body).split(mark)
    if first or last not in (b"--\r\n", b"--"):
        return [f"form: begins with {first!r:.60} and ends with {last!r:.60}"]
    found = [] if len(parts) == len(wanted) else [f"form: has {len(parts)} parts"]
    for at, (one, part) in enumerate(zip(wanted, parts)):
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        headers = {name.lower(): value for name, value in headers.items()}
        for name, value in one.get("headers", {}).items():
            found += differences(value, headers.get(name.lower()), f"form[{at}].headers.{name}")
        if "json" in one:
            found += [] if json.loads(data) == one["json"] else [f"form[{at}]: {data!r} is not {one['json']}"]
        else:
            data_wanted = base64.b64decode(one["base64"]) if "base64" in one else one["body"].encode()
            found += [] if data == data_wanted else [f"form[{at}]: {data!r:.200} is not {data_wanted!r:.200}"]
    return found
