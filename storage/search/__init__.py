"""Words inside messages: an index of their text beside each account, a cache like the other one."""
