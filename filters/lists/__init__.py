"""Mailing lists: from a post to its copies, and what comes back.

`addresses` are the list's own besides its name (owner, bounces, answers of the owner), `rights` says who may
post, `fields` what is changed in the header, `expand` who gets a copy, `moderation` keeps posts for the owner,
`bounces` counts what comes back, `lists` puts these together for `filters.routes`.
"""
