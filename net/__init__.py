"""The doorstep: byte streams under TLS, SASL exchanges, limits shared by processes, the log, the supervisor.

Nothing here knows a mail protocol or the store. What a door needs of the outside is one `Connection`: lines,
chunks, time-outs, TLS, and a bounded amount of memory for whatever the peer does.
"""
