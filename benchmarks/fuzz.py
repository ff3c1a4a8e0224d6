"""Random damaged and hostile data as input of every command: how often they are right, flagged or refused.

    python benchmarks/fuzz.py --cases 1000 --door table_file

Each case must give a right result, a flagged one, or an error of one sentence; anything else is a fault, and its
seed is printed, from which ``--seed N --cases 1`` repeats it. The doors are those of ``tests/doors``, which tries
fewer cases.

Takes some tenths of a second of processor time per case; quoted in docs/explanation/trust.md.
"""

import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from command_line import command_line

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from doors.doors import DOORS


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--cases", type=int, default=300, help="of each door (default 300)")
    parser.add_argument("--door", choices=DOORS, action="append", help="by default every one")
    parser.add_argument("--seed", type=int, default=0, help="of the first case (default 0)")
    parser.add_argument(
        "--show", type=int, default=3, help="faults of each door that are shown whole (default 3)"
    )
    options = parser.parse_args()
    faults = 0
    for name in options.door or DOORS:
        start, found = time.perf_counter(), Counter[str]()
        for seed in range(options.seed, options.seed + options.cases):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    found[DOORS[name](random.Random(f"{name} {seed}"), Path(folder))] += 1
                except Exception as error:
                    found["FAULT"] += 1
                    print(f"{name}, seed {seed}: {type(error).__name__}: {str(error)[:300]}")
                    if found["FAULT"] <= options.show:
                        traceback.print_exc(limit=-4, file=sys.stdout)
        faults += found["FAULT"]
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(found.items()))
        print(f"{name}: {counts}; {time.perf_counter() - start:.1f} s", flush=True)
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
