"""Damaged and hostile data at every door: what comes of them, counted.

    python benchmarks/fuzz.py --cases 1000 --door table_file

Each case is right, flagged or one sentence; anything else is a fault, and its seed is printed with it, from which
``--seed N --cases 1`` makes it again.
"""

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from doors.doors import DOORS


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cases", type=int, default=300, help="of each door (default 300)")
    options.add_argument("--door", choices=DOORS, action="append", help="by default every one")
    options.add_argument("--seed", type=int, default=0, help="of the first case (default 0)")
    options.add_argument(
        "--show", type=int, default=3, help="faults of each door that are shown whole (default 3)"
    )
    chosen = options.parse_args()
    faults = 0
    for name in chosen.door or DOORS:
        start, found = time.perf_counter(), Counter[str]()
        for seed in range(chosen.seed, chosen.seed + chosen.cases):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    found[DOORS[name](random.Random(f"{name} {seed}"), Path(folder))] += 1
                except Exception as error:
                    found["FAULT"] += 1
                    print(f"{name}, seed {seed}: {type(error).__name__}: {str(error)[:300]}")
                    if found["FAULT"] <= chosen.show:
                        traceback.print_exc(limit=-4, file=sys.stdout)
        faults += found["FAULT"]
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(found.items()))
        print(f"{name}: {counts}; {time.perf_counter() - start:.1f} s", flush=True)
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
