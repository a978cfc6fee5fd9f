"""A storage for debrepo, to be copied and renamed."""
