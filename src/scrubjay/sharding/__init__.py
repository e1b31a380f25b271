"""Sets made without an engine: begun, made in shards by any number of commands, published."""
