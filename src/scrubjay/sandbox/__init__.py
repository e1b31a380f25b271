"""What keeps a hostile video inside the worker process that decodes it (Linux)."""
