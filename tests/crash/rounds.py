"""How long to go on: the normal suite takes a few rounds, `make crash` sets KWCMAILD_CRASH_ROUNDS=500."""

import os
import time

ROUNDS = int(os.environ.get("KWCMAILD_CRASH_ROUNDS", "2"))
LONG = ROUNDS >= 100
SEED = int(os.environ.get("KWCMAILD_CRASH_SEED", "1" if not LONG else str(time.time_ns() % 1_000_000)))
