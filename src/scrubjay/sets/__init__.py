"""What a destination holds: its objects, its plan and its records."""
