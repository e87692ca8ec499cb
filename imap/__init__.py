"""The IMAP door (RFC 3501, and the extensions that `imap.capability` names).

Bytes come in through `net.connection`; `framing` cuts them into commands, `scanner` and the `*_grammar`
files read them (pure: bytes in, frozen values out), `table.py` is the table of commands and the index of the
room, and each command's `run` talks to `storage` and writes to its `session`. A session keeps only its
`view`: what this client was told. Everything else about a mailbox is shared by all sessions of the process.
"""
