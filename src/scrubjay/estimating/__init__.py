"""What making previews will cost: from a few slices that are rendered, to the whole."""
