"""The only room that opens and decodes video."""
