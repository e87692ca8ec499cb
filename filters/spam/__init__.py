"""Is it spam? Engines that say so (spamd, rspamd, our own), and what the mail is marked with.

Nothing is deleted or sent back for it: a mail that counts as spam gets a field and, where its account wants that,
a word in its subject or another folder. An engine that is away means "not spam".
"""
