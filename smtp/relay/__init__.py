"""The way out: queued mail to the hosts that take mail for its recipients.

`dialogue` is SMTP as a client speaks it, without a socket; `mx`, `dane` and `mta_sts` find out who may be spoken to
and what must be proven first; `destination` makes one answer of that and of the operator's routes; `courier` walks
there. Whoever fails on the way is an `Answered` for each recipient, and what may be tried again is a status of
class 4: DNS that does not answer, hosts that hang up, TLS that breaks.
"""
