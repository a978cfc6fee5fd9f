"""Sign with GnuPG."""
