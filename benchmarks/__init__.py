"""kwcmaild beside Debian's Postfix and Dovecot under the same load: see README.md."""
