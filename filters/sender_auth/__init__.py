"""Who sent this? SPF, DKIM, ARC and DMARC of what comes in, DKIM and ARC signatures on what goes out.

pyspf and dkimpy know the rules; what they do badly in a server is done here: DNS is asked beforehand and
asynchronously, bodies are hashed in pieces, and keys go through `cryptography`.
"""
