"""From slice records to the documents that players read."""
