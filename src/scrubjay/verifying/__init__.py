"""An independent reading of finished sets, by code that makes none (docs/decisions/0029)."""

__all__ = ["SAMPLES"]

SAMPLES = 8
"""How many pictures are compared with the video by default."""
