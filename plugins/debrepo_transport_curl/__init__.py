"""Fetch over HTTP and FTP with libcurl."""
