"""The cellar: all that must survive a crash.

Mail lies in Maildirs that describe themselves, the index beside them is a cache, and accounts are YAML
files. Nothing in this room speaks a protocol: it raises the neutral errors of `storage.errors` and returns
`storage.status.Status`; each door turns those into its own words. Plain functions on files and SQLite
inside, `async` at the edge (`storage.store`), one hop to a thread per command.

In sight stand the mail store itself and `storage.admin` with what belongs to it. Rooms of their own have: what a
message says (`storage.mime`), words inside messages (`storage.search`), mail on its way (`storage.queue`), who is
at an address (`storage.people`), and what changes by itself (`storage.state`).
"""
