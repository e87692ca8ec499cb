"""What the commands do: each file has the pure parsers of some commands, and the functions that run them.

Which they are, and when they may come, stands in `imap/table.py`.
"""
