"""The command line, one file a group of commands; `kwcmaild.command` puts them together."""
