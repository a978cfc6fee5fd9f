"""Remote work: operations that a server does, and what travels there and back."""
