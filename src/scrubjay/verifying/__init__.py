"""An independent reading of finished sets: it shares no code with what writes them."""
