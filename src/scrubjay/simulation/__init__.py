"""A model of what happens to many videos: upload, planner, transport, workers, publication."""
