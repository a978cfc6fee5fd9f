"""GitLab's Debian API, for projects and groups of our own."""
