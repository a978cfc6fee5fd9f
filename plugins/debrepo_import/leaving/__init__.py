"""Moving out: what is here is written down for another tool, with a script that takes it in."""
