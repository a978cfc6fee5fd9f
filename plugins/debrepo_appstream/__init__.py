"""AppStream: metadata of the software in packages, for software centres."""
