"""Services over HTTP: signed requests that are counted, limited and tried again, by libcurl."""
