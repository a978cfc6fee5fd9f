"""Keep package files in an object store instead of on this machine."""
