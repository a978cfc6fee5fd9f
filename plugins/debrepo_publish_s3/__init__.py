"""Publishing to S3, and to what speaks like it."""
