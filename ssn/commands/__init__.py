"""The command line, one module a command. A command parses, calls the library, prints, and writes ``--json``."""
