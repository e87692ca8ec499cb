"""The way out: queued mail to the hosts that take mail for its recipients.

`runner` and `traffic` decide who is tried when, over how many connections; `courier` walks to one destination with
letters. On its way `destination` says which hosts there are (`mx`, routes) and what they must prove (`protection`,
`dane`, `mta_sts`), `opening` and `session` speak with one of them, and `dialogue`, `reply`, `order` and `body` are
SMTP as a client speaks it, without a socket. Whatever goes wrong is an answer for each recipient, and what may be
tried again is a status of class 4: DNS that does not answer, hosts that hang up, TLS that breaks.
"""
