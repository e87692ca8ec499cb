"""The SMTP door: mail from other servers (port 25), mail from our own accounts (587, 465), and the queue.

`grammar`, `data` and `received` are pure: bytes in, values out. `session` is one connection, `commands` the
table of what a peer may say, `replies` the one place where an answer of the house becomes a reply code.
The door knows no users: who gets a mail is asked of `filters.pipeline`, and 250 is said only after that
room has answered that every recipient's copy is on the disk, in a mailbox or in the queue.
"""
