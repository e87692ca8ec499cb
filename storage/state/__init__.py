"""What changes by itself: counts, memories, traces, keys of this server. Small files under `<data>/state/`."""
