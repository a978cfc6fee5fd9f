"""Mirrors: package lists that follow an archive elsewhere."""
