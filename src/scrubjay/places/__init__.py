"""Where bytes lie: addresses, buckets, range requests, signed URLs."""
