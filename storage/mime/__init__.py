"""What a message is, as octets, and what a person reads in it (RFC 5322, 2045-2049). Pure: opens no file."""
