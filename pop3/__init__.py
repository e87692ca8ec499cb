"""The POP3 door: RFC 1939 with CAPA, TOP, UIDL, STLS, SASL, response codes and UTF8.

A session is a snapshot of the INBOX taken at login: numbers, sizes and unique-ids never change under it,
whatever others do meanwhile, and any number of sessions stand side by side. Nothing is locked. DELE is a mark in
memory, so a session that breaks off has changed nothing; QUIT removes the marked messages in one step.

`table.py` is the index of the room: one row, one function, one citation. `grammar.py` and `stuffing.py` are
bytes in, values out.
"""
