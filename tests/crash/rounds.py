"""How long to go on: the normal suite takes a few rounds, `make crash` sets KWCMAILD_CRASH_ROUNDS=500."""

import os

ROUNDS = int(os.environ.get("KWCMAILD_CRASH_ROUNDS", "2"))
LONG = ROUNDS >= 100
