"""Setup: a server of this machine, with its user, units, token and proxy."""
