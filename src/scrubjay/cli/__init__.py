"""The command line: a door around the core."""
