"""Judges one of the Autobahn test suite's reports.

    verdicts.py INDEX.json ROLE CASES

CASES is the comma-separated list that was asked for. Every one of them has to be in the report with the verdict OK,
its close too. Not strict is not enough; the suite itself only informs about three cases.
"""

import json
import sys
from collections import Counter
from fnmatch import fnmatchcase

INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}

# How many cases there are in each group: 301 without compression, 216 with it.
GROUPS = (
    {"1.1": 8, "1.2": 8, "2": 11, "3": 7, "4.1": 5, "4.2": 5, "5": 20}
    | {f"6.{i + 1}": n for i, n in enumerate(
        [3, 4, 2, 4, 5, 11, 4, 2, 4, 3, 5, 8, 5, 10, 1, 3, 5, 5, 5, 7, 8, 34, 7])}
    | {"7.1": 6, "7.3": 6, "7.5": 1, "7.7": 13, "7.9": 9, "7.13": 2}
    | {"9.1": 6, "9.2": 6, "9.3": 9, "9.4": 9, "9.5": 6, "9.6": 6, "9.7": 6, "9.8": 6, "10.1": 1}
    | {f"12.{i}": 18 for i in range(1, 6)}
    | {f"13.{i}": 18 for i in range(1, 8)}
)


def expected(patterns):
    every = [f"{group}.{i}" for group, n in GROUPS.items() for i in range(1, n + 1)]
    for pattern in patterns:
        if not any(fnmatchcase(case, pattern) for case in every):
            sys.exit(f"no case is called {pattern}")
    return [case for case in every if any(fnmatchcase(case, pattern) for pattern in patterns)]


def fine(case, verdict):
    return verdict == "OK" or (verdict == "INFORMATIONAL" and case in INFORMATIONAL)


def main():
    path, role, cases = sys.argv[1:]
    wanted = expected(cases.split(","))
    try:
        with open(path) as report:
            agents = json.load(report)
    except FileNotFoundError:
        sys.exit(f"{role}: no report was written")
    if len(agents) != 1:
        sys.exit(f"{role}: the report is about {sorted(agents)}, not one program")
    (seen,) = agents.values()

    wrong = [f"{case}: missing" for case in wanted if case not in seen]
    for case, it in seen.items():
        if not (fine(case, it["behavior"]) and fine(case, it["behaviorClose"])):
            wrong.append(f"{case}: {it['behavior']}, close {it['behaviorClose']}")
    for line in wrong:
        print(f"{role}: {line}")
    for name in ["behavior", "behaviorClose"]:
        counts = Counter(it[name] for it in seen.values())
        print(f"{role}: {name}: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common()))
    # The plain count that test runners print.
    print(f"{len(seen.keys() | set(wanted)) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


sys.exit(main())
