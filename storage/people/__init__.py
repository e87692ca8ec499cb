"""Who is at an address, and is it really they who sign in: the YAML files, passwords, lock-out."""
