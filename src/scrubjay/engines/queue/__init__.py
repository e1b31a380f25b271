"""Sets that are made by way of a queue: all that any queue needs, and nothing of any cloud."""
