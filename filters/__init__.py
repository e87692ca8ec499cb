"""Judgement: what is this mail, and who gets it.

Checks read and never write; each gives a `Verdict`, the worst wins. Routers turn a recipient into the mailbox
that gets the copy. Echoes act after delivery. `pipeline` runs them in order, for port 25 (`receive`), for our
own accounts (`submit`) and for the queue (`deliver`); `build` says which there are; `skeleton` is a check to
copy. No protocol is spoken here: the answer is a `storage.status.Status`.
"""
