"""Mail that was accepted and is on its way: message files, and SQLite for envelopes and outcomes."""
