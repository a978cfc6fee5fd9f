"""What users write: sources as apt has them, PPAs, and the keys that are named there."""
