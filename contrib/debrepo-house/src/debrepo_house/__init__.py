"""The rules of one house: who owns a repository, and how fast its packages are rolled out."""
