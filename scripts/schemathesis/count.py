"""Prints the result of each operation, and totals in the format that scripts/test.sh counts."""

import sys
import xml.etree.ElementTree

server, report = sys.argv[1:]
try:
    cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
except (OSError, xml.etree.ElementTree.ParseError) as error:
    sys.exit(f"schemathesis left no report on {server}: {error}")

failed = 0
for case in cases:
    bad = any(case.find(kind) is not None for kind in ("failure", "error", "skipped"))
    failed += bad
    print(f"test schemathesis {server} {case.get('name')} ... {'FAILED' if bad else 'ok'}")
print(f"{len(cases) - failed} passed, {failed} failed")
sys.exit(failed > 0 or not cases)
