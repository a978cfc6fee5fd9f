"""Commands indexes: which package brings a command that is not found."""
