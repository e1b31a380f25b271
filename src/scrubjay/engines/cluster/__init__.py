"""Slices on several machines: Procrastinate carries the orders, PostgreSQL keeps them."""
