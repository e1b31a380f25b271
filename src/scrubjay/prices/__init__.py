"""What clouds charge: dated files of prices, each with its source."""
