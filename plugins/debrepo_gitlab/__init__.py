"""GitLab's Debian API, for projects and groups that debrepo keeps."""
