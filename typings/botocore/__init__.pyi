"""What Scrubjay uses of botocore."""
