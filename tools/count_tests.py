"""Adds up JUnit reports and closes with one countable line: "N passed, N failed". Says why a test was skipped.

A unit test program stands in two reports: as one case of ctest, and with all its cases in a report of its own. Only the
latter counts, unless the program failed without writing one.
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


passed = failed = skipped = 0
programs = {Path(path).stem.removeprefix("osb_").removesuffix("_test") for path in sys.argv[1:] if Path(path).stem.endswith("_test")}
for path in sys.argv[1:]:
    for case in ET.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        # ctest writes status="fail", "notrun" or "disabled"; GoogleTest result="skipped".
        bad = case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail"
        if case.get("name") in programs and not bad:
            continue
        reason = case.find("skipped")
        if bad:
            failed += 1
            print(f"failed: {name}")
            print(textwrap.indent(why(case), "    "))
        elif reason is not None or case.get("status") in ("notrun", "disabled") or case.get("result") == "skipped":
            skipped += 1
            text = "" if reason is None else reason.get("message") or reason.text or ""
            print(f"skipped: {name}: {text.strip() or 'it says no reason'}")
        else:
            passed += 1
print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
sys.exit(failed > 0 or passed == 0)
