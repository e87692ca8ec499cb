"""The hall: the command line, the supervisor, and the composition of every process.

Every room may be entered from here and nothing leads back: what a process is made of is read in
`kwcmaild.compose`, one function a process.
"""
