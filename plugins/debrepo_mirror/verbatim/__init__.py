"""Verbatim mirrors: all that an archive lists of what they have, byte for byte."""
