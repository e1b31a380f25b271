"""What a confined process does: it decodes objects, and compares them with their video."""
