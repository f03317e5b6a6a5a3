"""Adds up JUnit reports and closes with one countable line: "N passed, N failed". Says why a test was skipped.

A unit test program stands in two reports: as one case of ctest, and with all its cases in a report of its own. Only the
latter counts, unless the program failed without writing one. Reports in a folder "second" are of a second try of what
failed: a case that passed there has failed all the same, and is said to have passed then.
"""
import sys
import textwrap
import xml.etree.ElementTree as ET
from pathlib import Path

REASON_LIMIT = 3000  # characters


def why(case):
    """What a failed case said, so that the end of a long log is enough to begin with."""
    said = [part.get("message") or part.text or "" for kind in ("failure", "error") for part in case.findall(kind)]
    return "\n".join(text.strip() for text in said)[-REASON_LIMIT:] or "it says no reason"


def is_bad(case):
    # ctest writes status="fail", "notrun" or "disabled"; GoogleTest result="skipped".
    return case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail"


def name_of(case):
    return f"{case.get('classname')}.{case.get('name')}"


passed = failed = skipped = 0
first = [path for path in sys.argv[1:] if Path(path).parent.name != "second"]
again = {name_of(case): not is_bad(case) for path in sys.argv[1:] if path not in first for case in ET.parse(path).getroot().iter("testcase")}
programs = {Path(path).stem.removeprefix("osb_").removesuffix("_test") for path in first if Path(path).stem.endswith("_test")}
for path in first:
    for case in ET.parse(path).getroot().iter("testcase"):
        name = name_of(case)
        bad = is_bad(case)
        if case.get("name") in programs and not bad:
            continue
        reason = case.find("skipped")
        if bad:
            failed += 1
            print(f"failed{', and passed at a second try' if again.get(name) else ''}: {name}")
            print(textwrap.indent(why(case), "    "))
        elif reason is not None or case.get("status") in ("notrun", "disabled") or case.get("result") == "skipped":
            skipped += 1
            text = "" if reason is None else reason.get("message") or reason.text or ""
            print(f"skipped: {name}: {text.strip() or 'it says no reason'}")
        else:
            passed += 1
print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
sys.exit(failed > 0 or passed == 0)
