"""Many videos in one run: which ones, where their sets go, and one pool of workers for all."""
