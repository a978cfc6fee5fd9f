"""The server: aptly's REST API, tokens, tasks, uploads and published trees over HTTP."""
