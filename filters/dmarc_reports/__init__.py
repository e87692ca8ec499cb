"""DMARC's aggregate reports (RFC 9990, RFC 7489 §7.2): those that other domains ask us for, and those that others
send about our own domains."""
