"""What each process is made of: one file and one function a process. Only its own is imported by each."""
