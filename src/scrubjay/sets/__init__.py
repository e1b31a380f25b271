"""What a destination contains: objects, the plan and records."""
