"""`python -m kwcmaild`: how the supervisor starts its children, whatever the environment's `bin` is called."""

from kwcmaild.command import main

main()
