"""`python -m kwcmaild`: how the supervisor starts its children."""

from kwcmaild.command import main

main()
