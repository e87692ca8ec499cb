"""Reading and writing mail in the browser: its room, for later.

It will talk to `storage` directly and send through `Office.send`, as port 587 does; it has its own pages below
`/mail/` and shares sessions, frame and texts with the panel.
"""
